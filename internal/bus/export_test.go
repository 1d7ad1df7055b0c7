package bus

// FallOutOfStep makes the next Receive go back to the last acknowledgement.
func (a *Agency) FallOutOfStep() { a.inStep = false }
