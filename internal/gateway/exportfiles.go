package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
)

// maxFiles is how many bytes of files one exported case holds, together.
const maxFiles = 16 << 20

// enclosed is a file in an exported case: once, however many messages carried it.
type enclosed struct {
	No                          int
	Name                        string // under which it is saved
	What, With, Type, Size, Sum string
	Href                        template.URL // its bytes; "" it is left out
	Left                        string       // why
}

// enclose puts the files of one message into the exported case. They are to be saved, never shown or run: each is a
// link to bytes of no type, whose name and checksum stand beside it.
func (p *caseFile) enclose(e *fileEntry) {
	for i := range e.Sections {
		s := &e.Sections[i]
		if s.bytes == nil {
			continue
		}
		digest := sha256.Sum256(s.bytes)
		sum := hex.EncodeToString(digest[:])
		if s.FileNo = p.known(sum); s.FileNo == 0 {
			s.FileNo = len(p.Files) + 1
			p.Files = append(p.Files, p.file(e, s, sum))
		}
		s.bytes = nil
	}
}

// known is the number of a file that is there already, or 0.
func (p *caseFile) known(sum string) int {
	for _, f := range p.Files {
		if f.Sum == sum {
			return f.No
		}
	}
	return 0
}

func (p *caseFile) file(e *fileEntry, s *sectionView, sum string) enclosed {
	ending, allowed := extensions[s.FileType]
	f := enclosed{
		No: s.FileNo, Name: fmt.Sprintf("file-%d-%s%s", s.FileNo, s.About, ending), What: s.Name, With: p.T("export.file.with", "message", e.Title, "agency", e.Peer),
		Type: s.Media, Size: s.Size, Sum: sum,
	}
	switch {
	case !allowed:
		f.Left = p.T("export.file.type")
	case p.held+len(s.bytes) > maxFiles:
		f.Left = p.T("export.file.size", "mb", maxFiles>>20)
	default:
		p.held += len(s.bytes)
		f.Href = template.URL("data:application/octet-stream;base64," + base64.StdEncoding.EncodeToString(s.bytes))
	}
	return f
}

// exportCode is what the record of an export says of what left: with or without where a restricted child is, and
// with or without files.
func (p *caseFile) exportCode(child restrictedView) string {
	code := "html"
	switch {
	case p.Left:
		return code + "-left"
	case child.Shown:
		code += "-where"
	}
	if p.held > 0 {
		code += "-files"
	}
	return code
}
