// The floor: one epoll loop in C, one send per delivery, nothing else. It knows just enough of RFC 6455 to be measured: whole
// text frames below 64 KiB, no control frames but ping, no closing handshake.
//
//	server -addr 127.0.0.1:9001

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handshake.h"

enum { MAX_FDS = 20000, BUFFER = 64 << 10, EVENTS = 512 };
enum state { FREE, UPGRADING, BROADCAST, ECHO };

struct conn {
	enum state state;
	int place;            // in everyone[], for BROADCAST
	char *in, *out;       // a frame that is not whole yet; what the socket did not take
	size_t in_len, out_len;
};

static struct conn conns[MAX_FDS];
static int everyone[MAX_FDS], everyone_len;
static int ep;

static void die(const char *what) {
	perror(what);
	exit(1);
}

static void watch(int fd, int op, uint32_t events) {
	struct epoll_event ev = {.events = events, .data.fd = fd};
	if (epoll_ctl(ep, op, fd, &ev) < 0) die("epoll_ctl");
}

static void drop(int fd) {
	struct conn *c = &conns[fd];
	if (c->state == BROADCAST) {
		int last = everyone[--everyone_len];
		everyone[c->place] = last;
		conns[last].place = c->place;
	}
	free(c->in);
	free(c->out);
	memset(c, 0, sizeof *c);
	close(fd);
}

// append copies what must wait to the end of a buffer on the heap.
static void append(char **buf, size_t *len, const char *data, size_t n) {
	if (n == 0) return;
	*buf = realloc(*buf, *len + n);
	if (!*buf) die("realloc");
	memcpy(*buf + *len, data, n);
	*len += n;
}

// deliver sends a frame; what the socket does not take waits for EPOLLOUT. A broken socket is noticed by its reader.
static void deliver(int fd, const char *frame, size_t n) {
	struct conn *c = &conns[fd];
	ssize_t k = 0;
	if (c->out_len == 0) {
		k = send(fd, frame, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (k == (ssize_t)n) return;
		if (k < 0 && errno != EAGAIN) return;
		if (k < 0) k = 0;
		watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	}
	append(&c->out, &c->out_len, frame + k, n - k);
}

static void flush(int fd) {
	struct conn *c = &conns[fd];
	ssize_t k = send(fd, c->out, c->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (k < 0) return;
	memmove(c->out, c->out + k, c->out_len - k);
	c->out_len -= k;
	if (c->out_len == 0) watch(fd, EPOLL_CTL_MOD, EPOLLIN);
}

// handle answers one message or ping; p is its unmasked payload.
static void handle(int fd, int op, const char *p, size_t n) {
	static char frame[BUFFER + 4];
	size_t header = 2;
	if (op != 1 && op != 2 && op != 9) return;
	frame[0] = (char)(0x80 | (op == 9 ? 10 : op));
	frame[1] = (char)n;
	if (n > 125) {
		frame[1] = 126;
		frame[2] = (char)(n >> 8);
		frame[3] = (char)n;
		header = 4;
	}
	memcpy(frame + header, p, n);
	if (op == 9 || conns[fd].state == ECHO) {
		deliver(fd, frame, header + n);
		return;
	}
	for (int i = 0; i < everyone_len; i++) deliver(everyone[i], frame, header + n);
}

// frames handles the whole frames in b and returns how many bytes they were, or -1 for bytes that it does not understand.
static ssize_t frames(int fd, char *b, size_t len) {
	size_t at = 0;
	while (len - at >= 6) {
		unsigned char *f = (unsigned char *)b + at;
		size_t n = f[1] & 0x7f, header = 6;
		if (!(f[0] & 0x80) || !(f[1] & 0x80) || n == 127 || (f[0] & 0x0f) == 8) return -1;
		if (n == 126) {
			n = (size_t)f[2] << 8 | f[3];
			header = 8;
		}
		if (len - at < header + n) break;
		unsigned char *mask = f + header - 4, *p = f + header;
		for (size_t i = 0; i < n; i++) p[i] ^= mask[i & 3];
		handle(fd, f[0] & 0x0f, (char *)p, n);
		at += header + n;
	}
	return (ssize_t)at;
}

// upgrade answers the request in b and returns its length, 0 while it is not whole, -1 if it cannot be upgraded.
static ssize_t upgrade(int fd, char *b, size_t len) {
	struct conn *c = &conns[fd];
	char answer[256], *end = memmem(b, len, "\r\n\r\n", 4);
	if (!end) return len > 8192 ? -1 : 0;
	int n = handshake(b, (size_t)(end + 2 - b), answer, sizeof answer);
	if (n < 0) return -1;
	c->state = strncmp(b, "GET /broadcast ", 15) == 0 ? BROADCAST : ECHO;
	if (c->state == BROADCAST) {
		c->place = everyone_len;
		everyone[everyone_len++] = fd;
	}
	deliver(fd, answer, (size_t)n);
	return end + 4 - b;
}

static void readable(int fd) {
	static char buf[2 * BUFFER];
	struct conn *c = &conns[fd];
	size_t held = c->in_len;
	memcpy(buf, c->in, held);
	ssize_t n = recv(fd, buf + held, BUFFER, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) return;
	if (n <= 0) {
		drop(fd);
		return;
	}
	size_t len = held + (size_t)n;
	ssize_t used = 0;
	if (c->state == UPGRADING) used = upgrade(fd, buf, len);
	if (used >= 0 && c->state != UPGRADING) {
		ssize_t more = frames(fd, buf + used, len - (size_t)used);
		used = more < 0 ? more : used + more;
	}
	if (used < 0 || len - (size_t)used > BUFFER) {
		drop(fd);
		return;
	}
	c->in_len = 0;
	append(&c->in, &c->in_len, buf + used, len - (size_t)used);
}

static void accept_all(int listener) {
	int fd, on = 1;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= MAX_FDS) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		conns[fd].state = UPGRADING;
		watch(fd, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static int listen_on(const char *addr) {
	struct sockaddr_in sa = {.sin_family = AF_INET};
	char host[64];
	int port, on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sscanf(addr, "%63[^:]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &sa.sin_addr) != 1) {
		fprintf(stderr, "-addr %s: use an IPv4 address and a port\n", addr);
		exit(2);
	}
	sa.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0) die("bind");
	if (listen(fd, 4096) < 0) die("listen");
	return fd;
}

int main(int argc, char **argv) {
	const char *addr = "127.0.0.1:9001";
	struct epoll_event events[EVENTS];
	if (argc == 3 && strcmp(argv[1], "-addr") == 0) addr = argv[2];
	int listener = listen_on(addr);
	ep = epoll_create1(EPOLL_CLOEXEC);
	watch(listener, EPOLL_CTL_ADD, EPOLLIN);
	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listener) {
				accept_all(listener);
				continue;
			}
			if (conns[fd].state != FREE && (events[i].events & EPOLLOUT)) flush(fd);
			if (conns[fd].state != FREE && (events[i].events & ~EPOLLOUT)) readable(fd);
		}
	}
}
