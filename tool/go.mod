module garboard.dev/garboard/tool

go 1.26.0
