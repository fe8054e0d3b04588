package roster

import (
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Classes are written by the school or for it; the later one counts.
var Classes = syncer.Entity[Class]{
	Spec:     declare("roster.class", syncproto.EitherSide, syncproto.LastWriter),
	ID:       func(v Class) string { return v.ID },
	Audience: func(v Class) syncproto.Audience { return ofSchool(v.School) },
	Put:      putClass,
	List:     syncer.ListOf(&pageClasses, scanClass),
}

// Terms are those dates that a school keeps other than the country's.
var Terms = syncer.Entity[Term]{
	Spec:     declare("roster.term", syncproto.EitherSide, syncproto.LastWriter),
	ID:       func(v Term) string { return v.ID },
	Audience: func(v Term) syncproto.Audience { return ofSchool(v.School) },
	Put:      putTerm,
	List:     syncer.ListOf(&pageTerms, scanTerm),
}

// Changes are what a school, or the cloud for it, wants changed.
var Changes = syncer.Entity[Change]{
	Spec:     declare("roster.change", syncproto.EitherSide, syncproto.AppendOnly),
	ID:       func(v Change) string { return v.ID },
	Audience: func(v Change) syncproto.Audience { return ofSchool(v.School) },
	Forget:   syncer.Names(func(v Change) []string { return []string{string(v.Account), string(v.Other)} }),
	Put:      putChange,
	Brings:   func(v Change) []string { return []string{string(v.Account)} },
	Get:      changeByID,
	List:     syncer.ListOf(&pageChanges, scanChange),
}

// Verdicts are the cloud's answers.
var Verdicts = syncer.Entity[Verdict]{
	Spec:     declare("roster.verdict", syncproto.CloudOnly, syncproto.AppendOnly),
	ID:       func(v Verdict) string { return v.ID },
	Audience: func(v Verdict) syncproto.Audience { return ofSchool(v.School) },
	Forget:   syncer.Names(func(v Verdict) []string { return []string{string(v.Account)} }),
	Put:      putVerdict,
	Get:      verdictByID,
	List:     syncer.ListOf(&pageVerdicts, scanVerdict),
}

// Codes are printed at the school, or made by a guardian on the cloud.
var Codes = syncer.Entity[Code]{
	Spec:     declare("roster.code", syncproto.EitherSide, syncproto.AppendOnly),
	ID:       func(v Code) string { return v.ID },
	Audience: func(v Code) syncproto.Audience { return ofSchool(v.School) },
	Forget:   syncer.Names(func(v Code) []string { return []string{string(v.Learner)} }),
	Put:      putCode,
	Get:      codeByID,
	List:     syncer.ListOf(&pageCodes, scanCode),
}

// Uses tell the school that a code was used.
var Uses = syncer.Entity[Use]{
	Spec:     declare("roster.code_use", syncproto.CloudOnly, syncproto.AppendOnly),
	ID:       func(v Use) string { return v.ID },
	Audience: func(v Use) syncproto.Audience { return ofSchool(v.School) },
	Forget:   syncer.Names(func(v Use) []string { return []string{string(v.Learner)} }),
	Put:      putUse,
	Get:      useByID,
	List:     syncer.ListOf(&pageUses, scanUse),
}

func declare(name string, w syncproto.Writer, m syncproto.Merge) syncproto.Spec {
	return syncproto.Spec{Name: name, Version: 1, Lane: syncproto.LaneRoster, Writer: w, Merge: m}
}

func ofSchool(s identity.SchoolID) syncproto.Audience { return syncproto.OfSchool(string(s)) }
