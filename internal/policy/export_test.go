package policy

// Matrix hands the rows of the consent matrix to the test that walks them.
func Matrix() (rows [][4]string, cells [][5]string) {
	for _, r := range matrix {
		rows = append(rows, [4]string{r.basis, r.to, r.section, r.said})
		var at [5]string
		for i, o := range r.at {
			at[i] = string(o)
		}
		cells = append(cells, at)
	}
	return rows, cells
}
