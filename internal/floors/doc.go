// Package floors holds tests of the module's shape and no code: which package may import which, that the packages which
// other programs build against stay light, and that every exported name says what it is.
//
// The tests parse the files themselves. A list that a go command prints is cached by what the command reads, which is less
// than what decides here: files for other systems and other build tags count as much as those of this build.
package floors
