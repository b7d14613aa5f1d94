// Package inbox keeps the inboxes of users: notices, announcements, and the red dots that count them.
package inbox
