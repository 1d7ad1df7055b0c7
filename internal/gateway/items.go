package gateway

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"fairlead/internal/web"
)

// A section may repeat what it holds: documents, people, events. Its page asks for one item, and somebody adds and
// removes others there (MoJ Design Patterns, "add another"), with or without a script: the buttons send the form.

// maxItems is how many items of a list a page asks for; a share has room for little more.
const maxItems = 20

// items is how many items of a list are written.
func (d *written) items(list string) int { return max(1, d.Items[list]) }

// dotted is a path as the beginning of a name.
func dotted(path string) string { return strings.ReplaceAll(path, "/", ".") }

// nth is the question for another item of its list.
func (q question) nth(n int) question {
	was, now := "/"+strconv.Itoa(q.number), "/"+strconv.Itoa(n)
	q.at = q.list + now + strings.TrimPrefix(q.at, q.list+was)
	q.name = dotted(q.list+now) + strings.TrimPrefix(q.name, dotted(q.list+was))
	q.number = n
	return q
}

// runs cuts questions where another list, or none, begins.
func runs(asks []question) (list [][]question) {
	for i, q := range asks {
		if i == 0 || q.list != asks[i-1].list || q.number != asks[i-1].number {
			list = append(list, nil)
		}
		list[len(list)-1] = append(list[len(list)-1], q)
	}
	return list
}

// repeated asks about each item of a list that the draft has.
func (f form) repeated(d *written) form {
	f.stages, f.fixed = slices.Clone(f.stages), maps.Clone(f.fixed)
	for i, s := range f.stages {
		f.stages[i].asks = nil
		for _, run := range runs(s.asks) {
			list := run[0].list
			for n := range d.items(list) {
				for _, q := range run {
					if list != "" {
						q = q.nth(n)
					}
					f.stages[i].asks = append(f.stages[i].asks, q)
				}
			}
			f.fixItems(list, d.items(list))
		}
	}
	return f
}

// fixItems writes what the schema wants of the first item of a list, and nobody is asked, for the others as well. A
// second name is another one.
func (f form) fixItems(list string, items int) {
	for at, value := range maps.Clone(f.fixed) {
		rest, ok := strings.CutPrefix(at, list+"/0/")
		if list == "" || !ok {
			continue
		}
		if value == "current" {
			value = "alias"
		}
		for n := 1; n < items; n++ {
			f.fixed[list+"/"+strconv.Itoa(n)+"/"+rest] = value
		}
	}
}

// change adds or removes an item, as the button says that was pressed. anchor is where to go on; "" none was.
func (d *written) change(s stage, form url.Values) (anchor string) {
	lists := map[string]bool{}
	for _, q := range s.asks {
		lists[q.list] = q.list != ""
	}
	if list := form.Get("add"); lists[list] && d.items(list) < maxItems {
		d.Items = put(d.Items, list, d.items(list)+1)
		return itemAnchor(list, d.items(list)-1)
	}
	list, number, _ := cutLast(form.Get("remove"))
	n, ok := index(number)
	if !lists[list] || !ok || n >= d.items(list) || d.items(list) == 1 {
		return ""
	}
	for _, q := range s.asks {
		if q.list == list && q.number >= n {
			d.copyAnswer(q, q.nth(q.number+1))
		}
	}
	d.Items = put(d.Items, list, d.items(list)-1)
	return itemAnchor(list, max(0, n-1))
}

// copyAnswer gives a question the answer of another, or none.
func (d *written) copyAnswer(to, from question) {
	names := from.inputs()
	for i, name := range to.inputs() {
		d.Values.Del(name)
		if answer, ok := d.Values[names[i]]; ok {
			d.Values[name] = answer
		}
	}
}

func put[K comparable, V any](m map[K]V, key K, value V) map[K]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[K]V{}
	}
	m[key] = value
	return m
}

func cutLast(path string) (before, after string, ok bool) {
	i := strings.LastIndex(path, "/")
	if i < 0 {
		return path, "", false
	}
	return path[:i], path[i+1:], true
}

func itemAnchor(list string, n int) string { return "item." + dotted(list) + "." + strconv.Itoa(n) }

// askPart is a run of questions of a page: those of one item, or of none.
type askPart struct {
	Fields        []web.Field
	Anchor, Title string // of an item
	Remove        string // value of the button that removes it; "" it is the only one
	Add, AddText  string // value and words of the button that adds one; "" there is none
}

// parts are the questions of a stage, item by item.
func (v *visit) parts(d *written, f form, s stage) (list []askPart, multipart bool) {
	for _, run := range runs(s.asks) {
		p, q := askPart{}, run[0]
		for _, q := range run {
			field := v.field(d, f, q)
			multipart = multipart || field.Form == "file"
			p.Fields = append(p.Fields, field)
		}
		if q.list != "" {
			p.Anchor, p.Title = itemAnchor(q.list, q.number), v.itemTitle(q)
			if d.items(q.list) > 1 {
				p.Remove = q.list + "/" + strconv.Itoa(q.number)
			}
			if q.number == d.items(q.list)-1 && d.items(q.list) < maxItems {
				p.Add, p.AddText = q.list, v.words.T("another."+listName(q.list))
			}
		}
		list = append(list, p)
	}
	return list, multipart
}

func listName(list string) string {
	_, name, _ := cutLast(list)
	return name
}

// itemTitle names an item: Document 2.
func (v *visit) itemTitle(q question) string {
	return v.words.T("item."+listName(q.list), "n", q.number+1)
}
