// Package scenario plays a story: a folder of agencies, agreements and steps with their contents, sent
// by real agency programs to a real hub under a virtual clock. It writes down what became of every
// share. The acceptance story is one such folder; anybody can write another:
//
//	story.yaml          Story: title, first instant, agencies, groups, country rules
//	agreements/*.yaml   agreements, as agreement.Agreement says; signed by all their parties where a step says so
//	steps/*.yaml        one file of Steps each, played in the order of their instants
//	contents/*          the content of sections: JSON, or a file with its media type
package scenario

import (
	"fairlead/internal/agreement"
	"fairlead/internal/draft"
	"fairlead/internal/fairlead"
	"fairlead/internal/hubtest"
	"fairlead/internal/registry"
)

// Story is story.yaml.
type Story struct {
	Title     string              `yaml:"title"`
	Start     fairlead.Time       `yaml:"start"` // the clock before the first step: enrolment happens then
	Agencies  []Agency            `yaml:"agencies"`
	Groups    []Group             `yaml:"groups"`
	Countries []Country           `yaml:"countries"`
	Exercises []fairlead.AgencyID `yaml:"exercises"` // agencies that take part in exercises
	Active    []string            `yaml:"active"`    // agreements ("A2/1") proposed and signed by all parties before the first step

	Agreements map[string]*agreement.Agreement `yaml:"-"` // by reference, from agreements/
	Steps      []Step                          `yaml:"-"` // from steps/, by instant, then id
}

// Agency is one made-up agency. Listed ones stand in the directory but are not connected.
type Agency struct {
	ID           fairlead.AgencyID     `yaml:"id"`
	Name         string                `yaml:"name"`
	Type         fairlead.AgencyType   `yaml:"type"`
	Jurisdiction fairlead.Jurisdiction `yaml:"jurisdiction"`
	Emergency    bool                  `yaml:"emergency_registered"`
}

// Group is a group of the register.
type Group struct {
	Name    string              `yaml:"name"`
	Members []fairlead.AgencyID `yaml:"members"`
}

// Country is a country rule of the register.
type Country struct {
	State  string `yaml:"state"`
	CAOnly bool   `yaml:"art34_ca_only"`
}

// File is one file below steps/.
type File struct {
	Steps []Step `yaml:"steps"`
}

// Step is one step of the story: messages at an instant, or an act, or what is not built.
type Step struct {
	ID       string            `yaml:"id"`
	At       fairlead.Time     `yaml:"at"`
	What     string            `yaml:"what"` // one line for the reader
	NotBuilt string            `yaml:"not_built,omitempty"`
	Quiet    bool              `yaml:"quiet,omitempty"`   // played, but not reported (an implied acknowledgement)
	Propose  string            `yaml:"propose,omitempty"` // agreement reference: the first party proposes it to the others
	Sign     string            `yaml:"sign,omitempty"`    // agreement reference: every party signs it
	Notices  bool              `yaml:"notices,omitempty"` // report the hub's own notices of this instant
	Suspend  fairlead.AgencyID `yaml:"suspend,omitempty"` // the operator suspends an agency before the messages
	Resume   fairlead.AgencyID `yaml:"resume,omitempty"`
	Status   *Status           `yaml:"status,omitempty"`  // a party suspends, resumes or ends an agreement
	Staff    []Staff           `yaml:"staff,omitempty"`   // people whom their agencies put on record
	Approve  *Approve          `yaml:"approve,omitempty"` // somebody signs for what an earlier step left held
	Messages []Message         `yaml:"messages,omitempty"`
}

// Status is what a party does to an agreement in force.
type Status struct {
	Agency    fairlead.AgencyID `yaml:"agency"`
	Agreement string            `yaml:"agreement"`
	Action    agreement.Action  `yaml:"action"`
}

// Staff is one of an agency's people.
type Staff struct {
	Agency fairlead.AgencyID `yaml:"agency"`
	User   string            `yaml:"user"`
	Role   fairlead.Role     `yaml:"role"`
}

// Approve is an approval. The step reports the share it releases; where it is refused, the approval.
type Approve struct {
	Staff   `yaml:",inline"`
	Of      string   `yaml:"of"` // step
	Reasons []string `yaml:"reasons"`
}

// Message is what one agency sends: a draft whose answers and supersedes name steps.
type Message struct {
	From          fairlead.AgencyID `yaml:"from"`
	Forge         *Forge            `yaml:"forge,omitempty"` // what no honest program does to it
	draft.Message `yaml:",inline"`
}

// Forge is a forgery, and the step whose share lends its id.
type Forge struct {
	How hubtest.Forgery `yaml:"how"`
	Of  string          `yaml:"of,omitempty"`
}

// rules turns groups and countries into the register's.
func (s *Story) rules() registry.Rules {
	r := registry.Rules{Exercises: s.Exercises}
	for _, g := range s.Groups {
		r.Groups = append(r.Groups, registry.Group{Name: g.Name, Members: g.Members})
	}
	for _, c := range s.Countries {
		r.Countries = append(r.Countries, registry.Country{State: c.State, CAOnly: c.CAOnly})
	}
	return r
}
