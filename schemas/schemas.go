// Package schemas holds, as data, what a message may say: code lists, message kinds, and the JSON Schemas
// (draft 2020-12) of facts, sections and records, with a made-up example of each kind. README.md is the
// reference for people; it, codes.json and facts.json are generated from the rest. Package schema in
// internal reads all this.
package schemas

import "embed"

//go:generate go test ../internal/schema -run TestGenerated -update

// FS is the data: codelists.json, codes.json, defs.json, facts.json, and the folders kinds and sections.
//
//go:embed *.json kinds sections
var FS embed.FS
