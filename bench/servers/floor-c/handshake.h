// The opening handshake of RFC 6455, with the SHA-1 and the base64 that it needs.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

// sha1_block mixes one block of 64 bytes into h.
static void sha1_block(uint32_t h[5], const unsigned char *p) {
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
	for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (int i = 0; i < 80; i++) {
		uint32_t f, k;
		if (i < 20) f = (b & c) | (~b & d), k = 0x5a827999;
		else if (i < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
		else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
		else f = b ^ c ^ d, k = 0xca62c1d6;
		uint32_t t = rotate(a, 5) + f + e + k + w[i];
		e = d, d = c, c = rotate(b, 30), b = a, a = t;
	}
	h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

// sha1 is for up to 119 bytes: a key and the constant are 60.
static void sha1(const char *data, size_t n, unsigned char out[20]) {
	unsigned char block[128] = {0};
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	size_t size = n < 56 ? 64 : 128;
	memcpy(block, data, n);
	block[n] = 0x80;
	block[size - 2] = (unsigned char)(n >> 5);
	block[size - 1] = (unsigned char)(n << 3);
	for (size_t i = 0; i < size; i += 64) sha1_block(h, block + i);
	for (int i = 0; i < 20; i++) out[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

// base64 encodes the 20 bytes of a digest into 28 characters.
static void base64(const unsigned char in[20], char out[29]) {
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char padded[21] = {0};
	memcpy(padded, in, 20);
	for (int i = 0, o = 0; i < 21; i += 3) {
		uint32_t v = (uint32_t)padded[i] << 16 | padded[i + 1] << 8 | padded[i + 2];
		for (int s = 18; s >= 0; s -= 6) out[o++] = digit[v >> s & 63];
	}
	out[27] = '=';
	out[28] = 0;
}

// handshake writes the 101 answer to the request (its lines end in CR LF) and returns its length, or -1 without a key.
static int handshake(const char *request, size_t len, char *answer, size_t max) {
	static const char name[] = "\r\nSec-WebSocket-Key: ", magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char joined[128], text[29];
	unsigned char digest[20];
	for (size_t i = 0; i + sizeof name - 1 + 24 <= len; i++) {
		if (strncasecmp(request + i, name, sizeof name - 1) != 0) continue;
		snprintf(joined, sizeof joined, "%.24s%s", request + i + sizeof name - 1, magic);
		sha1(joined, strlen(joined), digest);
		base64(digest, text);
		return snprintf(answer, max, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Accept: %s\r\n\r\n", text);
	}
	return -1;
}
