package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// signer makes and checks tokens: NAME.EXPIRY.SIGNATURE, the expiry in Unix seconds. In your program this is a JWT library.
type signer struct {
	key []byte
}

func (s signer) sign(name string, expires time.Time) string {
	head := fmt.Sprintf("%s.%d", base64.RawURLEncoding.EncodeToString([]byte(name)), expires.Unix())
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(head))
	return head + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// check returns whose token it is, or why it is not accepted.
func (s signer) check(token string, now time.Time) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("a token is needed")
	}
	name, nameErr := base64.RawURLEncoding.DecodeString(parts[0])
	seconds, timeErr := strconv.ParseInt(parts[1], 10, 64)
	if nameErr != nil || timeErr != nil {
		return "", errors.New("the token is malformed")
	}
	expires := time.Unix(seconds, 0)
	if !hmac.Equal([]byte(token), []byte(s.sign(string(name), expires))) {
		return "", errors.New("the token is not ours")
	}
	if now.After(expires) {
		return "", errors.New("the token has expired; get a new one")
	}
	return string(name), nil
}
