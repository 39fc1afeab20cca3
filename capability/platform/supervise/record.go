package supervise

import (
	"encoding/json"
	"os"
	"path/filepath"

	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/host/file"
	"garboard.dev/garboard/host/process"
)

// record is what a later supervisor needs to take a component over.
type record struct {
	process.ID
	Hash string `json:"hash"` // of the component as it was started
}

// RecordPath is the file with the record of the component name.
func RecordPath(dir, name string) string { return filepath.Join(dir, name+".json") }

// Outdated says whether a process of c is recorded in dir that was started as
// something else than c is now.
func Outdated(dir string, c component.Component) bool {
	r, ok := readRecord(RecordPath(dir, c.Name))
	return ok && r.Hash != c.Hash()
}

func (k *keeper) recordPath() string { return RecordPath(k.sup.RecordDir, k.spec.Name) }

func (k *keeper) writeRecord(id process.ID) error {
	text, err := json.Marshal(record{id, k.spec.Hash()})
	if err != nil {
		return err
	}
	return file.Write(k.recordPath(), text, 0o600)
}

// readRecord returns the record; one that is absent or damaged counts as none.
func readRecord(path string) (record, bool) {
	var r record
	text, err := os.ReadFile(path)
	return r, err == nil && json.Unmarshal(text, &r) == nil
}

// recorded says whether a process of an earlier supervisor may still run.
func (k *keeper) recorded() bool {
	_, ok := readRecord(k.recordPath())
	return ok
}

func (k *keeper) removeRecord() {
	if err := os.Remove(k.recordPath()); err != nil && !os.IsNotExist(err) {
		k.sup.Log.Error("cannot remove the process record", "component", k.spec.Name, "error", err)
	}
}
