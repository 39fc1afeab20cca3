module garboard.dev/garboard/api

go 1.26.0
