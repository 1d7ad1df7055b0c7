package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"fairlead/internal/tlog"
)

// tamper flips one bit in the detail of an entry of a mirror.
func tamper(mirror string, entry int64) error {
	for name := range tlog.DetailFiles(entry, entry+1) {
		path := filepath.Join(mirror, "details", name)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		offset := 0
		for range entry % 256 {
			offset += 4 + int(binary.BigEndian.Uint32(b[offset:]))
		}
		b[offset+4+200] ^= 1
		return os.WriteFile(path, b, 0o600)
	}
	return fmt.Errorf("entry %d has no detail", entry)
}
