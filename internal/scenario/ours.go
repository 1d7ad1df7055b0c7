package scenario

import (
	"embed"
	"io/fs"
)

//go:embed all:story
var ours embed.FS

// Ours is the acceptance story's folder.
func Ours() fs.FS {
	sub, err := fs.Sub(ours, "story")
	if err != nil { // the folder is embedded
		panic(err)
	}
	return sub
}
