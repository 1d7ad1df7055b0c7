package officer_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"fairlead/internal/agreement"
	"fairlead/internal/config"
	"fairlead/internal/fairlead"
	"fairlead/internal/officer"
	"fairlead/internal/policy"
)

var noon = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)

// story is the book of the acceptance story: its agencies and agreements, all signed.
func story(t testing.TB) officer.Book {
	t.Helper()
	var s struct {
		Agencies []struct {
			ID           fairlead.AgencyID     `yaml:"id"`
			Type         fairlead.AgencyType   `yaml:"type"`
			Jurisdiction fairlead.Jurisdiction `yaml:"jurisdiction"`
			Name         string                `yaml:"name"`
			Emergency    bool                  `yaml:"emergency_registered"`
		} `yaml:"agencies"`
		Title     string   `yaml:"title"`
		Start     any      `yaml:"start"`
		Groups    any      `yaml:"groups"`
		Countries any      `yaml:"countries"`
		Active    []string `yaml:"active"`
	}
	raw, err := os.ReadFile("../scenario/story/story.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Parse("story.yaml", raw, &s); err != nil {
		t.Fatal(err)
	}
	b := officer.Book{At: noon}
	for _, a := range s.Agencies {
		b.Agencies = append(b.Agencies, &policy.Agency{ID: a.ID, Type: a.Type, Jurisdiction: a.Jurisdiction, Emergency: a.Emergency})
	}
	names, err := filepath.Glob("../scenario/story/agreements/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal("no agreements", err)
	}
	for i, name := range names {
		st := &agreement.Standing{Entry: int64(100 + i), ActiveBy: int64(200 + i)}
		if err := config.Load(name, &st.Agreement); err != nil {
			t.Fatal(err)
		}
		if err := st.Check(); err != nil {
			t.Fatal(err)
		}
		st.Signed = st.Parties
		b.Agreements = append(b.Agreements, st)
	}
	return b
}
