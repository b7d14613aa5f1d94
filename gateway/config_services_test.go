package gateway_test

import (
	"reflect"
	"testing"

	"github.com/hubbub-dev/hubbub/gateway"
)

// TestServicesGetEverySetting fills all settings of backends, hooks and webhooks: each must reach the package that it is for, where it has the
// same name. One that is left out would be read, described, and without effect.
func TestServicesGetEverySetting(t *testing.T) {
	var b gateway.BackendConfig
	var h gateway.HookConfig
	var w gateway.WebhookConfig
	for _, c := range []any{&b, &h, &w} {
		fill(t, reflect.ValueOf(c).Elem())
	}
	for _, pair := range [][2]any{{b, b.ForBackend()}, {h, h.ForHook()}, {w, w.ForWebhook()}} {
		from, to := reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1])
		for _, field := range reflect.VisibleFields(from.Type()) {
			if got := to.FieldByName(field.Name); !got.IsValid() || got.IsZero() {
				t.Errorf("%s.%s does not reach %s", from.Type(), field.Name, to.Type())
			}
		}
	}
}

// fill makes nothing in a struct zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	default:
		t.Fatalf("there are settings of the kind %s now: fill them, too", v.Kind())
	}
}
