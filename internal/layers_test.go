// Package internal_test states which package may import which, who owns which outside module, and what
// a program must never reach. It is a statement of policy: change it on purpose, never to make a build
// pass.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "fairlead/"

// layers lists every package under internal once, lowest first. A package imports only packages on
// lines above its own.
const layers = `
	fairlead strictjson dump
	subject workday kind
	envelope agreement consent staff law
	policy
	officer keyring entry tlog store config keystore
	seal bus natsd registry schema witness
	broker client monitor
	hub draft web
	gateway hubtest
	scenario
`

// pure packages decide and describe: they import nothing that can read a file, a socket or a clock.
var pure = []string{"fairlead", "strictjson", "dump", "subject", "workday", "kind", "envelope", "agreement", "consent", "staff", "law", "policy", "officer"}

// pureImports is what they may import beside each other. crypto/rand makes salts; embed brings the
// calendars; uuid makes ids.
var pureImports = strings.Fields(`bufio bytes cmp crypto/ed25519 crypto/rand crypto/sha256 embed encoding encoding/base64 encoding/binary encoding/hex encoding/json
	errors fmt io iter maps math math/bits reflect regexp slices strconv strings sync time unicode/utf8 github.com/google/uuid`)

// never lists what a package must not reach, however indirectly. Templates make the linker keep methods
// by reflection, and decryption would return to the hub's binary.
var never = map[string][]string{
	"internal/broker":    {"internal/seal", "internal/client", "internal/gateway", "html/template", "text/template"},
	"internal/hub":       {"internal/seal", "internal/client", "internal/gateway", "html/template", "text/template"},
	"cmd/fairlead-hub":   {"internal/seal", "internal/client", "internal/gateway", "internal/hubtest", "html/template", "text/template"},
	"internal/tlog":      {"internal/seal"},
	"internal/monitor":   {"internal/seal", "internal/bus", "internal/natsd", "internal/client", "html/template", "text/template"},
	"cmd/fairlead-audit": {"internal/seal", "internal/bus", "internal/natsd", "internal/client", "internal/hubtest", "html/template", "text/template"},
	"internal/seal":      {"internal/bus", "net/http"},
	"internal/keyring":   {"net/http"},
	"internal/client":    {"internal/broker", "internal/natsd", "internal/hub"},
	"cmd/fairlead":       {"internal/broker", "internal/natsd", "internal/hub", "internal/hubtest"},
	"internal/web":       {"internal/client", "internal/seal", "internal/bus"},
	"internal/gateway":   {"internal/broker", "internal/natsd", "internal/hub"},

	"cmd/fairlead-gateway": {"internal/broker", "internal/natsd", "internal/hub", "internal/hubtest"},
}

// owners lists the only packages that import a module: to change a library is to change one folder.
var owners = map[string][]string{
	"github.com/nats-io/nats.go":            {"internal/bus"},
	"github.com/nats-io/nats-server":        {"internal/natsd"},
	"github.com/nats-io/jwt":                {"internal/natsd"},
	"github.com/nats-io/nkeys":              {"internal/natsd", "internal/bus", "internal/subject"},
	"github.com/synadia-io/orbit.go":        {"internal/bus"},
	"github.com/ProtonMail/go-crypto":       {"internal/keyring", "internal/seal"},
	"golang.org/x/crypto":                   {"internal/keystore"},
	"golang.org/x/mod/sumdb":                {"internal/tlog"},
	"golang.org/x/term":                     {"internal/keystore"},
	"filippo.io/torchwood":                  {"internal/tlog"},
	"modernc.org/sqlite":                    {"internal/store"},
	"go.yaml.in/yaml":                       {"internal/config"},
	"github.com/google/uuid":                {"internal/fairlead"},
	"github.com/prometheus/client_golang":   {"internal/hub"},
	"github.com/rogpeppe/go-internal":       {}, // tests only
	"github.com/santhosh-tekuri/jsonschema": {"internal/schema"},
	"github.com/go-webauthn/webauthn":       {"internal/gateway"},
	"golang.org/x/text":                     {"internal/web"},
	"github.com/chromedp":                   {}, // tests only
}

type pkg struct {
	ImportPath    string
	Imports, Deps []string
}

func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func list(t *testing.T) (pkgs []pkg) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestLayers(t *testing.T) {
	level := map[string]int{}
	for i, line := range strings.Split(strings.TrimSpace(layers), "\n") {
		for _, name := range strings.Fields(line) {
			level["internal/"+name] = i + 1
		}
	}
	seen := 0
	for _, p := range list(t) {
		name := p.name()
		if name == "internal" {
			continue // these tests
		}
		seen++
		if level[name] == 0 && strings.HasPrefix(name, "internal/") {
			t.Errorf("%s has no layer", name)
		}
		for _, imp := range p.Imports {
			checkImport(t, name, imp, level)
		}
		for _, bad := range never[name] {
			if slices.Contains(p.Deps, bad) || slices.Contains(p.Deps, module+bad) {
				t.Errorf("%s reaches %s", name, bad)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d packages were looked at", seen)
	}
}

func checkImport(t *testing.T, name, imp string, level map[string]int) {
	t.Helper()
	if d := strings.TrimPrefix(imp, module); level[name] > 0 && level[d] >= level[name] {
		t.Errorf("%s imports %s, which is not below it", name, d)
	}
	for mod, who := range owners {
		if strings.HasPrefix(imp, mod) && !slices.Contains(who, name) {
			t.Errorf("%s imports %s, which belongs to %v", name, imp, who)
		}
	}
	isPure := slices.Contains(pure, strings.TrimPrefix(name, "internal/"))
	if isPure && !strings.HasPrefix(imp, module) && !slices.Contains(pureImports, imp) {
		t.Errorf("%s is pure and imports %s", name, imp)
	}
}

// decryption is the code that opens a section; packages seal and go-crypto hold it.
var decryption = []string{
	"openpgp/v2.ReadMessage", "packet.(*EncryptedKey).Decrypt", "packet.(*PrivateKey).Decrypt", "packet.(*SymmetricallyEncrypted).Decrypt",
	"internal/seal.",
}

// TestHubCannotDecrypt looks at the hub's binary, not at its intentions: the linker leaves out what
// nothing can call. The agency's program is the control that the names are right.
func TestHubCannotDecrypt(t *testing.T) {
	hub := symbols(t, "cmd/fairlead-hub")
	if !bytes.Contains(hub, []byte("internal/keyring.(*VerifyKey).Verify")) {
		t.Error("fairlead-hub does not verify signatures; is this still the right test?")
	}
	auditor := symbols(t, "cmd/fairlead-audit")
	for _, s := range decryption {
		if bytes.Contains(hub, []byte(s)) {
			t.Errorf("fairlead-hub contains %s", s)
		}
		if bytes.Contains(auditor, []byte(s)) {
			t.Errorf("fairlead-audit contains %s", s)
		}
	}
	agency := symbols(t, "cmd/fairlead")
	if !slices.ContainsFunc(decryption, func(s string) bool { return s != "internal/seal." && bytes.Contains(agency, []byte(s)) }) {
		t.Errorf("fairlead opens sections by none of %v; the names are out of date", decryption)
	}
}

func symbols(t *testing.T, program string) []byte {
	t.Helper()
	bin := t.TempDir() + "/program"
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, module+program).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), "go", "tool", "nm", bin).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
