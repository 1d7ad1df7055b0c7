package keyring

import "fmt"

// BothReadings reads one signature packet by our own reader and by the library, each as text; plain is "" where our
// own does not know, library where that refuses.
func BothReadings(sig []byte) (plain, library string) {
	tag, raw, body, rest, err := definite(sig)
	if err != nil || tag != tagSignature || len(rest) > 0 || checkSignature(body) != nil {
		return "", ""
	}
	if d, ok := plainDetached(body); ok {
		plain = d.text()
	}
	if d, err := libraryDetached(raw, body); err == nil {
		library = d.text()
	}
	return plain, library
}

func (d *detached) text() string {
	notations := ""
	for _, n := range d.notations {
		notations += fmt.Sprintf("%q=%x critical %v; ", n.Name, n.Value, n.IsCritical)
	}
	return fmt.Sprintf("%s by %x: %s; %x after %x, tag %x, %x", d.created.UTC(), d.issuer, notations, d.suffix, d.hash.Sum(nil), d.tag, d.curve)
}
