package ws

// facts is what a conn remembers of its upgrade request.
type facts struct{}
