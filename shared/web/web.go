// Package web embeds the single-page application that both binaries serve. The
// build writes it to dist/app; a checkout in which Node never ran holds only the
// placeholder page in dist, and that is what FS then shows. The build tag no_web
// leaves the application out.
package web
