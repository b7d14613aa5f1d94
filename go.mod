module github.com/hubbub-dev/hubbub

go 1.26
