package entry

// Erased reports whether the bytes of a detail are what an erasure leaves of it: zeros, and nothing else. Which
// entry of the log ordered it is for the reader to find; without one the detail is altered.
func Erased(detail []byte) bool {
	for _, b := range detail {
		if b != 0 {
			return false
		}
	}
	return len(detail) > 0
}
