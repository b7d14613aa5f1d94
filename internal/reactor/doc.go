// Package reactor owns stream sockets with event loops and fans messages out to sets of them.
//
// A [Reactor] has a few loops, usually one per core. Everything about a [Conn] is touched by the goroutine of its loop alone;
// other goroutines post commands to the loop, which wakes it once per burst. So there is no lock per delivery, an idle conn
// costs no goroutine, buffer or timer of its own, and loops never wait for each other.
//
// One turn of a loop: wait for sockets, read what is ready into the loop's one buffer and hand it to the conn's [Handler],
// take the posted commands, deliver a slice of the broadcasts, write what conns have pending, fire due timers.
//
// # Broadcasts
//
// A [Fan] is a set of conns over all loops. Its part in each loop keeps a short log of packets; each conn keeps one cursor, the
// number of the last broadcast in its loop that it was given. A slice visits 128 members by default and gives each what all of
// its fans have after its cursor, in one system call; between slices the loop looks at its sockets, so that a ping is not stuck
// behind ten thousand sends. What a socket does not take moves to the conn's own pending list, where the fan's [Policy] bounds it.
// Before anything else is sent to a conn, it is first brought up to date, which keeps the order of what one goroutine does.
//
// # Sockets
//
// On Linux a TCP socket is taken from the Go runtime's poller and given to the loop's epoll instance, also below crypto/tls (see
// [Listen]). Everywhere else, with build tag portable, and for any other net.Conn, goroutines carry the bytes between the socket and
// the loop; all else is the same code. A loop's goroutine runs only while the loop has conns.
package reactor
