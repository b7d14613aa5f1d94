package sqlite

// syncDir does nothing: the system makes names last by itself.
func syncDir(string) error { return nil }
