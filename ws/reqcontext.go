package ws

import (
	"context"
	"net/http"
	"reflect"
)

// keepContext returns a context with the values of a request's context, but neither its cancellation nor its deadline,
// since net/http cancels it when the handler returns. It returns nil when the context has no values but net/http's own,
// so that an idle conn need not hold it. Values that http.Server.BaseContext or ConnContext put there count as the
// program's.
//
// What it does not know it keeps: a value is never lost, whatever net/http's contexts look like in some later release.
//
// Some routers recycle an object that they put there when the handler returns, as chi does with its route context. Such a
// value is another request's by then; what it told is to be read before the upgrade.
func keepContext(ctx context.Context) context.Context {
	if isPlain(ctx) {
		return nil
	}
	return context.WithoutCancel(ctx)
}

// isPlain takes layer after layer off a context, as long as each is one that package context made and that holds no
// value of the program. Nothing but the background may be left.
func isPlain(ctx context.Context) bool {
	for ctx != context.Background() && ctx != context.TODO() {
		inner, hasValue := unwrap(ctx)
		if inner == nil || hasValue && !isNetHTTPs(ctx, inner) {
			return false
		}
		ctx = inner
	}
	return true
}

// isNetHTTPs reports whether the one value of a layer is net/http's. A layer has one key; if a key is found with it but
// not below it, then that is the key.
func isNetHTTPs(layer, inner context.Context) bool {
	for _, key := range [...]any{http.ServerContextKey, http.LocalAddrContextKey} {
		if layer.Value(key) != nil && inner.Value(key) == nil {
			return true
		}
	}
	return false
}

// unwrap returns the context below ctx and whether ctx adds a value to it, or nil if it cannot tell. It knows the types
// behind context.WithCancel, WithDeadline and WithValue, whose exported field Context is the one below.
func unwrap(ctx context.Context) (inner context.Context, hasValue bool) {
	v := reflect.ValueOf(ctx)
	if v.Kind() != reflect.Pointer || v.Type().Elem().PkgPath() != "context" {
		return nil, false
	}
	switch v.Type().Elem().Name() {
	case "cancelCtx", "timerCtx":
	case "valueCtx":
		hasValue = true
	default:
		return nil, false
	}
	field := v.Elem().FieldByName("Context")
	if !field.IsValid() || !field.CanInterface() {
		return nil, false
	}
	inner, _ = field.Interface().(context.Context)
	return inner, hasValue
}
