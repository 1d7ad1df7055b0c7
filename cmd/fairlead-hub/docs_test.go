package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"fairlead/internal/agreement"
	"fairlead/internal/config"
	"fairlead/internal/law"
	"fairlead/internal/tlog"
)

// TestSamples loads the commented samples as a person would use them.
func TestSamples(t *testing.T) {
	var cfg Config
	if err := config.Load("../../config/fairlead-hub.yaml", &cfg); err != nil {
		t.Fatal(err)
	}
	if err := cfg.check(); err != nil {
		t.Error(err)
	}
	policy, err := os.ReadFile("../../config/witness.policy")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(policy), "\nlog ")
	vkey, _, _ := strings.Cut(line, "\n")
	log, err := tlog.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := tlog.ParsePolicy(policy, log); err != nil || len(p.Witnesses()) != 5 {
		t.Error(err)
	}
	var rules Rules
	if err := config.Load("../../config/rules.yaml", &rules); err != nil {
		t.Fatal(err)
	}
	r, err := rules.register("../../config")
	if err != nil || len(r.Groups) == 0 || len(r.Countries) == 0 {
		t.Errorf("the sample of rules sets nothing: %v", err)
	}
	if r.Law == nil || !reflect.DeepEqual(r.Law, law.Default()) {
		t.Error("the sample names no tables of law, or others than the hub's own")
	}
	for _, bad := range []string{"no-such.yaml", "../config/law.yaml", "rules.yaml"} {
		rules.Law = bad
		if _, err := rules.register("../../config"); err == nil {
			t.Errorf("%s is taken for tables of law", bad)
		}
	}
	house := agreement.House{Version: 1, Terms: rules.Prohibitions}
	if err := house.Check(); err != nil || len(house.Terms) == 0 {
		t.Errorf("the sample's prohibitions: %v", err)
	}
}

// TestDocs finds every command of this program that the documents name among the commands there are.
func TestDocs(t *testing.T) {
	named := 0
	for _, path := range []string{"../../README.md", "../../deploy/README.md", "../../internal/README.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`fairlead-hub ([a-z][a-z -]*)").FindAllStringSubmatch(string(text), -1) {
			named++
			words := strings.Fields(m[1])
			two := strings.Join(words[:min(2, len(words))], " ")
			if commands[words[0]] == nil && commands[two] == nil {
				t.Errorf("%s names `fairlead-hub %s`, which does not exist", path, m[1])
			}
		}
	}
	if named == 0 {
		t.Error("the documents name no command of this program")
	}
}

// TestUnits: each unit is sandboxed, by its lines and, where the tool is there, by systemd's own measure.
func TestUnits(t *testing.T) {
	units, err := filepath.Glob("../../deploy/*.service")
	if err != nil || len(units) < 3 {
		t.Fatalf("%v, %v", units, err)
	}
	for _, unit := range units {
		raw, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Fields(`NoNewPrivileges=yes ProtectSystem=strict ProtectHome=yes PrivateTmp=yes PrivateDevices=yes LimitCORE=0 UMask=0077
			StateDirectoryMode=0700 CapabilityBoundingSet= RestrictNamespaces=yes MemoryDenyWriteExecute=yes SystemCallFilter=@system-service`) {
			if !strings.Contains(string(raw), "\n"+line+"\n") {
				t.Errorf("%s lacks %s", unit, line)
			}
		}
		if !strings.Contains(string(raw), "LoadCredentialEncrypted=") || strings.Contains(string(raw), "Environment=") {
			t.Errorf("%s does not take its secret from an encrypted credential", unit)
		}
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			t.Logf("systemd-analyze is not here: the exposure of %s is not measured", unit)
			continue
		}
		if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=20", unit).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
}

func TestConfigRefusals(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Listen: "x:1", Origin: "o"}, "dir"},
		{Config{Dir: "d", Origin: "o"}, "listen"},
		{Config{Dir: "d", Listen: "x:1", NATS: "nats://x:1", Origin: "o"}, "nats"},
		{Config{Dir: "d", Listen: "x:1", Origin: "o", Unsealed: true, PassphraseFile: "f"}, "unsealed"},
		{Config{Dir: "d", Listen: "x:1"}, "origin"},
		{Config{Dir: "d", Listen: "x:1", Origin: "o", Log: "loud"}, "log"},
	} {
		if err := c.cfg.check(); err == nil || !strings.Contains(err.Error(), c.want+":") {
			t.Errorf("%+v: %v, want a fault of %s", c.cfg, err, c.want)
		}
	}
}

// TestPolicyMissing: a hub that is to have witnesses does not start without them.
func TestPolicyMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.yaml")
	text := "dir: " + t.TempDir() + "\nlisten: 127.0.0.1:0\norigin: o/log\nwitnesses: nothing\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := runHub(t.Context(), []string{"-config", path}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "witnesses: open nothing") {
		t.Error(err)
	}
}
