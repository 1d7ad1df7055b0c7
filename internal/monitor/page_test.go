package monitor

import (
	"strings"
	"testing"
)

// TestPage: no text becomes markup, wherever it stands.
func TestPage(t *testing.T) {
	const evil = `</td><script>alert("x")</script>&'`
	p := newPage(evil)
	p.element("p", evil)
	p.table(evil, []string{"a", evil}, [][]string{{evil, evil}})
	p.table("empty", []string{"a"}, nil)
	page := string(p.end())
	if strings.Contains(page, "<script") || strings.Contains(page, `"x"`) || strings.Contains(page, "empty") {
		t.Error(page)
	}
	if n := strings.Count(page, "&lt;/td&gt;&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;&amp;&#39;"); n != 8 {
		t.Errorf("%d texts\n%s", n, page)
	}
}

// TestSheet: commas, quotes and lines stay in their cell, and nothing is a formula.
func TestSheet(t *testing.T) {
	got := string(sheet([]string{"a", "b"}, [][]string{{"1,2", "say \"x\"\nthen"}, {"=1+1", "-2"}, {"@x", ""}}))
	if want := "a,b\r\n\"1,2\",\"say \"\"x\"\"\r\nthen\"\r\n'=1+1,'-2\r\n'@x,\r\n"; got != want {
		t.Errorf("%q", got)
	}
}
