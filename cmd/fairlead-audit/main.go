// Command fairlead-audit is the auditor's program: it mirrors the log of a hub, verifies the mirror,
// decides everything in it again, and shows entries. It holds public keys and a read credential, and
// no key that opens a section. Its manual is the text of usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status(err, os.Stderr))
}

// errUsage: the command line or the configuration is wrong, and nothing was done.
var errUsage = errors.New("usage")

// status says what went wrong and gives the exit code: 0 fine, 1 something was found, 2 usage.
func status(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(printable{stderr}, "fairlead-audit: %v\n", err)
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

// run is the whole program, for main and for script tests.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: give a command\n\n%s", errUsage, usage)
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		_, err := io.WriteString(stdout, usage)
		return err
	}
	command, ok := commands[args[0]]
	if len(args) > 1 && args[0] == "policy" {
		tool, known := policies[args[1]]
		command, ok = tool.do, known
		args = append([]string{"policy " + args[1]}, args[2:]...)
	}
	if !ok {
		return fmt.Errorf("%w: there is no command %q\n\n%s", errUsage, args[0], usage)
	}
	o, err := parse(args, stdin, stdout, stderr)
	if err != nil {
		return err
	}
	return command(progressed(ctx, stderr), o)
}
