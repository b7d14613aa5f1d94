// Package postgres keeps what must last in PostgreSQL, for any number of nodes.
package postgres
