package netns

func offloadsOff(name string) error { return nil }
