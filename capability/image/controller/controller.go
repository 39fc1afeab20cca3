// Package controller keeps the images in the platform that it stands on.
package controller

import "garboard.dev/garboard/loop"

// Controllers returns the image capability's controllers.
func Controllers(env loop.Env) []loop.Controller {
	return []loop.Controller{pauseController(env)}
}
