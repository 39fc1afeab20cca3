package supervise

import (
	"encoding/json"
	"os"
	"path/filepath"

	"garboard.dev/garboard/host/file"
	"garboard.dev/garboard/host/process"
)

// record is what a later supervisor needs to take a component over.
type record struct {
	process.ID
	Hash string `json:"hash"` // of the component as it was started
}

func (k *keeper) recordPath() string {
	return filepath.Join(k.sup.RecordDir, k.spec.Name+".json")
}

func (k *keeper) writeRecord(id process.ID) error {
	text, err := json.Marshal(record{id, k.spec.Hash()})
	if err != nil {
		return err
	}
	return file.Write(k.recordPath(), text, 0o600)
}

// readRecord returns the record; one that is absent or damaged counts as none.
func (k *keeper) readRecord() (record, bool) {
	var r record
	text, err := os.ReadFile(k.recordPath())
	return r, err == nil && json.Unmarshal(text, &r) == nil
}

// recorded says whether a process of an earlier supervisor may still run.
func (k *keeper) recorded() bool {
	_, ok := k.readRecord()
	return ok
}

func (k *keeper) removeRecord() {
	if err := os.Remove(k.recordPath()); err != nil && !os.IsNotExist(err) {
		k.sup.Log.Error("cannot remove the process record", "component", k.spec.Name, "error", err)
	}
}
