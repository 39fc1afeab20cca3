package main

import (
	"encoding/json"
	"net/url"
	"strings"
)

// The bill of materials is CycloneDX 1.6 in JSON. It has no date and no serial
// number, so that the same programs give the same file.
type bom struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version,omitempty"`
	PURL     string    `json:"purl,omitempty"`
	Licences []licence `json:"licenses,omitempty"`
}

type licence struct {
	Licence struct {
		ID string `json:"id"`
	} `json:"license"`
}

type dependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

// purl is the package URL of p, as github.com/package-url/purl-spec describes it.
func purl(p Part) string {
	escaped := strings.ReplaceAll(url.PathEscape(p.Name), "%2F", "/")
	escaped = strings.ReplaceAll(escaped, "@", "%40") // a scope of npm
	kind := p.Kind
	if kind == "deb" {
		kind = "deb/debian"
	}
	return "pkg:" + kind + "/" + escaped + "@" + url.PathEscape(p.Version)
}

func licencesOf(ids []string) []licence {
	var out []licence
	for _, id := range ids {
		var l licence
		l.Licence.ID = id
		out = append(out, l)
	}
	return out
}

// materials writes the bill for the programs and their parts, which are sorted.
func materials(version string, programs []Program, parts []Part) ([]byte, error) {
	const top = "garboard"
	b := bom{Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: metadata{component{Type: "application", Ref: top, Name: top, Version: version, Licences: licencesOf([]string{"Apache-2.0"})}}}
	refs := map[string]string{}
	for _, p := range parts {
		refs[p.key()] = purl(p)
		b.Components = append(b.Components, component{Type: "library", Ref: purl(p), Name: p.Name, Version: p.Version, PURL: purl(p), Licences: licencesOf(p.Licences)})
	}
	whole := dependency{Ref: top}
	for _, p := range programs {
		ref := "program/" + p.Name
		b.Components = append(b.Components, component{Type: "application", Ref: ref, Name: p.Name})
		d := dependency{Ref: ref}
		for _, key := range p.Parts {
			d.On = append(d.On, refs[key])
		}
		b.Dependencies = append(b.Dependencies, d)
		whole.On = append(whole.On, ref)
	}
	b.Dependencies = append(b.Dependencies, whole)
	text, err := json.MarshalIndent(b, "", "  ")
	return append(text, '\n'), err
}
