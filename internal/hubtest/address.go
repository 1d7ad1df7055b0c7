package hubtest

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// FreeAddress is an address of this machine that a test can listen on, stop, and listen on again. Its port is below
// those that systems hand out by themselves (RFC 6056; Linux from 32768), so that no connection of another test has it
// meanwhile.
func FreeAddress(t TB) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		if ln, err := net.Listen("tcp", address); err == nil {
			ln.Close()
			return address
		}
	}
	t.Fatalf("no port between 10000 and 29999 is free")
	return ""
}
