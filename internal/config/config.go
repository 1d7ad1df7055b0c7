// Package config reads YAML strictly into a program's Config: one document, known keys only, no
// anchors, aliases, merge keys or tags, bounded in size. The structs it fills are the manual.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// ErrConfig is wrapped by every refusal; the text names file and line.
var ErrConfig = errors.New("config: refused")

const maxSize = 1 << 20 // bytes of one document

// unknownKey finds the library's words for a key that the struct does not have.
var unknownKey = regexp.MustCompile(`field (\S+) not found in type \S+`)

// Load reads the file at path into v, a pointer to a struct. Keys that v does not know are refused.
func Load(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return Parse(path, b, v)
}

// Parse reads b into v; name stands for the file in errors.
func Parse(name string, b []byte, v any) error {
	if len(b) > maxSize {
		return fmt.Errorf("%w: %s has %d bytes, at most %d", ErrConfig, name, len(b), maxSize)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(b, &node); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrConfig, name, err)
	}
	if err := plain(&node, 0); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrConfig, name, err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %s: %s", ErrConfig, name, unknownKey.ReplaceAllString(err.Error(), "unknown key $1; remove or correct it"))
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %s holds more than one document", ErrConfig, name)
	}
	return nil
}

// LineOf finds the line of a file at which the member with an id begins, in a list at the top of the document: where a
// fault is, that is found only after it was read. 0: there is none.
func LineOf(path, list, id string) int {
	b, err := os.ReadFile(path)
	var doc yaml.Node
	if err != nil || len(b) > maxSize || yaml.Unmarshal(b, &doc) != nil || len(doc.Content) == 0 {
		return 0
	}
	for _, member := range valueOf(doc.Content[0], list).Content {
		if v := valueOf(member, "id"); v.Value == id && v.Line > 0 {
			return v.Line
		}
	}
	return 0
}

// valueOf is the value of a key, or an empty node.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return new(yaml.Node)
}

// plain refuses what makes YAML surprising.
func plain(n *yaml.Node, depth int) error {
	switch {
	case depth > 16:
		return fmt.Errorf("line %d: nested deeper than 16", n.Line)
	case n.Anchor != "" || n.Kind == yaml.AliasNode || n.Tag == "!!merge":
		return fmt.Errorf("line %d: anchors, aliases and merge keys are not read", n.Line)
	case n.Style&yaml.TaggedStyle != 0:
		return fmt.Errorf("line %d: tags are not read", n.Line)
	}
	for _, c := range n.Content {
		if err := plain(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}
