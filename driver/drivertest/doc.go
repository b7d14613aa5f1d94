// Package drivertest is what every driver of hubbub must pass. A driver's own tests call [Run].
//
// The suite moves the clock itself and looks at what it has asked for until it is there, so that a driver may be a store on
// another machine. It only asks for what the interfaces of the root package promise; where a test fails, their comments tell
// what was meant.
package drivertest
