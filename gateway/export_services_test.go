package gateway

import (
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/hook"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
)

// What the packages get of the settings.

func (b *BackendConfig) ForBackend() backend.Config { return b.config() }
func (h *HookConfig) ForHook() hook.Rule            { return h.rule() }
func (h *WebhookConfig) ForWebhook() webhook.Target { return h.target(false) }
