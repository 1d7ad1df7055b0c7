package agreement

// Opens reports whether a permit speaks of the use.
func (c Cover) Opens() bool { return len(c.Terms()) > 0 }

// Prohibits reports whether a prohibition does.
func (c Cover) Prohibits() bool { return c.bars.next(0) >= 0 }

// Terms lists the permits that the message passes.
func (c Cover) Terms() (list []*Term) {
	for i := c.permits.next(0); i >= 0; i = c.permits.next(i + 1) {
		list = append(list, &c.Standing.Terms[i])
	}
	return list
}
