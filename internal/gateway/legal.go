package gateway

import (
	"slices"
	"strings"

	"fairlead/internal/client"
	"fairlead/internal/envelope"
	"fairlead/internal/fairlead"
	"fairlead/internal/web"
)

// grounds is a lawful basis in plain language: "basis.NAME" in the catalogue, with "basis.NAME.hint",
// which also says why consent is not needed.
type grounds struct {
	name  string
	types []fairlead.AgencyType   // nil: any
	in    []fairlead.Jurisdiction // nil: anywhere
	basis envelope.Basis
}

var (
	england = []fairlead.Jurisdiction{"GB-ENG"}
	a6c     = fairlead.Art6Legal
	a6e     = fairlead.Art6Task
)

// allGrounds are tried in this order. Whether one holds for this sender and message the policy says.
var allGrounds = []grounds{
	{"enquiry", []fairlead.AgencyType{fairlead.TypeLA}, england, envelope.Basis{Art6: a6c, Gateways: []fairlead.Gateway{"CA2004-16LA", "CA1989-47"}}},
	{"border", []fairlead.AgencyType{fairlead.TypeBorder}, nil, envelope.Basis{Art6: a6c, Gateways: []fairlead.Gateway{"BCIA2009-55"}}},
	{"duty", s16LABodies, england, envelope.Basis{Art6: a6c, Gateways: []fairlead.Gateway{"CA2004-16LA"}}},
	{"wales", nil, []fairlead.Jurisdiction{"GB-WLS"}, envelope.Basis{Art6: a6c, Gateways: []fairlead.Gateway{"SSWBA2014"}}},
	{"need", []fairlead.AgencyType{fairlead.TypeLA}, england, envelope.Basis{Art6: a6e, Gateways: []fairlead.Gateway{"CA1989-17"}}},
	{"policing", []fairlead.AgencyType{fairlead.TypePolice}, nil, envelope.Basis{Art6: a6e, Gateways: []fairlead.Gateway{"COMMON-LAW-POLICING"}}},
	{"scotland", nil, []fairlead.Jurisdiction{"GB-SCT"}, envelope.Basis{Art6: a6e, Gateways: []fairlead.Gateway{"HTES2015"}}},
	{"ireland", nil, []fairlead.Jurisdiction{"GB-NIR"}, envelope.Basis{Art6: a6e, Gateways: []fairlead.Gateway{"HTENI2015"}}},
	{"authority", []fairlead.AgencyType{fairlead.TypeCentralAuthority}, nil, envelope.Basis{Art6: a6e, Gateways: []fairlead.Gateway{"HAGUE96-34"}}},
	{"court", nil, nil, envelope.Basis{Art6: a6c, Gateways: []fairlead.Gateway{"COURT-ORDER"}}},
	{"recognised", nil, nil, envelope.Basis{Art6: fairlead.Art6Recognised, Annex1: fairlead.Annex1Safeguard}},
	{"eu_task", nil, nil, envelope.Basis{Art6: fairlead.Art6EU, Cite: "GDPR 6(1)(e)"}},
	{"eu_duty", nil, nil, envelope.Basis{Art6: fairlead.Art6EU, Cite: "GDPR 6(1)(c)"}},
	{"cooperate", nil, nil, envelope.Basis{Art6: a6e, Gateways: []fairlead.Gateway{"HAGUE96-30"}}},
	{"vital", nil, nil, envelope.Basis{Art6: fairlead.Art6Vital}},
}

// candidates are the bases that fit what this agency is and where it is.
func (v *visit) candidates() (list []grounds) {
	own := v.g.cfg.Client.Snapshot().Agency(v.g.agency)
	for _, b := range allGrounds {
		if own != nil && (b.types == nil || slices.Contains(b.types, own.Type)) && (b.in == nil || slices.Contains(b.in, own.Jurisdiction)) {
			list = append(list, b)
		}
	}
	return list
}

// valid are the candidates that the policy takes for this very message: the same decision as the hub's.
func (v *visit) valid(d *written, f form) (list []grounds, err error) {
	for _, b := range v.candidates() {
		if b.name == "cooperate" && !f.aboutNobody() { // too little to share a child's data on
			continue
		}
		out, err := v.build(d, f)
		if err != nil {
			return nil, err
		}
		basis := b.basis
		out.Basis = &basis
		previews, err := v.previews(d, out)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(previews, takes) {
			list = append(list, b)
		}
	}
	return list, nil
}

// takes reports whether nothing is held against the basis (P04) before one recipient. What senders in England
// consider beside it (s16LA) is asked on the same page.
func takes(p client.Preview) bool {
	for _, c := range p.Decision.Causes {
		if c.Check == "P04" && !strings.HasPrefix(c.Where, "s16la") {
			return false
		}
	}
	return true
}

// crosses reports whether the message leaves this agency's State.
func (v *visit) crosses(d *written) bool { return len(v.abroad(d)) > 0 }

// abroad are the recipients in other States.
func (v *visit) abroad(d *written) (list []string) {
	snap := v.g.cfg.Client.Snapshot()
	own := snap.Agency(v.g.agency)
	ids, err := v.g.cfg.Client.Recipients(&client.Draft{To: d.Values["to"]})
	if err != nil {
		return nil
	}
	for _, id := range ids {
		if a := snap.Agency(id); a != nil && id != fairlead.Hub && own != nil && a.Jurisdiction.State() != own.Jurisdiction.State() {
			list = append(list, a.Name+", "+v.words.Country(a.Jurisdiction.State()))
		}
	}
	return list
}

// lawFields are the questions of law that this message raises, and no others.
func (v *visit) lawFields(d *written, f form) ([]web.Field, error) {
	w := v.words
	choice := func(name string, options ...web.Option) web.Field {
		fd := web.Field{Words: w, Form: "choice", Name: name, Label: w.T("q." + name), Error: v.faultOf(name), Options: options}
		if key := "q." + name + ".hint"; w.Has(key) {
			fd.Hint = w.T(key)
		}
		for i, o := range options {
			fd.Options[i].Checked = d.Values.Get(name) == o.Value
		}
		return fd
	}
	valid, err := v.valid(d, f)
	if err != nil {
		return nil, err
	}
	var bases, told, danger, detriment, p18 []web.Option
	for _, b := range valid {
		bases = append(bases, web.Option{Value: b.name, Label: w.T("basis." + b.name), Hint: w.T("basis." + b.name + ".hint")})
	}
	for _, t := range fairlead.Tolds {
		told = append(told, web.Option{Value: string(t), Label: w.Code("told", t)})
	}
	fields := []web.Field{choice("basis", bases...)}
	if !f.aboutNobody() {
		fields = append(fields, choice("told", told...))
	}
	if v.considers16LA() && !f.aboutNobody() {
		for _, x := range []string{"none", "unknown", "yes"} {
			detriment = append(detriment, web.Option{Value: x, Label: w.T("detriment." + x)})
		}
		fields = append(fields, choice("detriment", detriment...))
	}
	if v.crosses(d) {
		for _, x := range fairlead.DangerResults {
			danger = append(danger, web.Option{Value: string(x), Label: w.Code("danger", x)})
		}
		fields = append(fields, choice("danger", danger...))
	}
	if v.asksP18(d, f) {
		for _, x := range fairlead.P18s {
			p18 = append(p18, web.Option{Value: string(x), Label: w.Code("p18", x)})
		}
		fields = append(fields, choice("p18", p18...))
	}
	return fields, nil
}

func (v *visit) considers16LA() bool {
	own := v.g.cfg.Client.Snapshot().Agency(v.g.agency)
	return own != nil && own.Jurisdiction == "GB-ENG"
}

// checkLaw finds what is wrong with the answers about the law.
func (v *visit) checkLaw(d *written, f form) error {
	if f.record != nil {
		return v.checkConsent(d)
	}
	fields, err := v.lawFields(d, f)
	if err != nil {
		return err
	}
	for _, fd := range fields {
		if !slices.ContainsFunc(fd.Options, func(o web.Option) bool { return o.Checked }) {
			v.refuse(fd.Name, "fault.empty", "label", fd.Label)
		}
	}
	switch {
	case d.Values.Get("detriment") == "yes":
		v.refuse("detriment", "fault.detriment")
	case v.crosses(d) && d.Values.Get("danger") == string(fairlead.DangerFound):
		v.refuse("danger", "fault.danger")
	}
	return nil
}
