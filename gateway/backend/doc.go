// Package backend calls the services behind the gateway over HTTP.
package backend
