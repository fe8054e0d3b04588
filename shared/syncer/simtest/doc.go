// Package simtest simulates schools and their cloud in trouble, for tests: one
// thread, a seed, and a clock of its own. Its nouns: a *world* is one cloud and
// its schools, a *box* one school's, a *road* carries messages between them, a
// *nemesis* makes the trouble, and the *check* looks after every step whether
// anything was lost, doubled or silently changed.
//
// The rule that surprises: the code under test is the product's. Only what lies
// below it is made up: the databases live in memory and answer the product's
// own statements, with what a crash would lose.
package simtest
