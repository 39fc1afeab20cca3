package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// phrases name a licence by words that its text has and others have not. Texts
// are compared in lower case with single blanks.
var phrases = []struct{ id, has, lacks string }{
	{"Apache-2.0", "apache license version 2.0", ""},
	{"MPL-2.0", "mozilla public license version 2.0", ""},
	{"MPL-2.0", "mozilla public license, version 2.0", ""},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy", ""},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee", ""},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee", ""},
	{"BSD-3-Clause", "neither the name", "gnu "},
	{"BSD-3-Clause", "names of its contributors may not be used", ""},
	{"BSD-2-Clause", "redistribution and use in source and binary forms", "neither the name"},
	{"CC0-1.0", "cc0 1.0 universal", ""},
	{"Unlicense", "this is free and unencumbered software released into the public domain", ""},
	{"Zlib", "this software is provided 'as-is', without any express or implied warranty", ""},
}

var gnu = regexp.MustCompile(`gnu (affero |lesser |library )?general public license`)

// gnuNames are the identifiers for what stands before "general public license".
var gnuNames = map[string]string{"": "GPL", "affero ": "AGPL", "lesser ": "LGPL", "library ": "LGPL"}

// classify returns the SPDX identifiers of the licences in text, sorted. Those
// of the GNU family have no version: none of them is let in.
func classify(text string) []string {
	flat := strings.Join(strings.Fields(strings.ToLower(text)), " ")
	flat = strings.NewReplacer("apache license, version", "apache license version", "“", "\"", "’", "'").Replace(flat)
	var out []string
	for _, p := range phrases {
		if strings.Contains(flat, p.has) && (p.lacks == "" || !strings.Contains(flat, p.lacks)) && !slices.Contains(out, p.id) {
			out = append(out, p.id)
		}
	}
	if !slices.Contains(out, "MPL-2.0") { // its text names the GNU licences
		for _, m := range gnu.FindAllStringSubmatch(flat, -1) {
			if id := gnuNames[m[1]]; !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return out
}

// chosen are the parts that leave the choice between licences to whoever uses
// them, with the one that we take.
var chosen = map[string]string{
	"github.com/spdx/tools-golang": "Apache-2.0", // its LICENSE.code: "at your option, under either"
}

// refusal says why a part with these licences must not be in our programs; nil
// where it may. One licence of the GNU family is enough: it binds the whole.
func refusal(licences []string) error {
	if len(licences) == 0 {
		return fmt.Errorf("its licence is not known: no text in it is recognised")
	}
	for _, id := range licences {
		if strings.HasSuffix(id, "GPL") {
			return fmt.Errorf("it is under the %s, which a program that links it would have to be under too", id)
		}
	}
	return nil
}
