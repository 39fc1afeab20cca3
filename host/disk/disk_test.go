package disk

import "testing"

func TestContract(t *testing.T) {
	t.Parallel()
	for name, meter := range map[string]Meter{"linux": Linux{}, "fake": Fake{Space{Free: 1 << 20, Total: 1 << 30}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := meter.At(t.TempDir())
			if err != nil || s.Total == 0 || s.Free > s.Total {
				t.Errorf("got %+v, %v", s, err)
			}
			if _, err := meter.At(""); err == nil {
				t.Error("a path that does not exist has room")
			}
		})
	}
}
