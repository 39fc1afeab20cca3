package browser_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestOverview(t *testing.T) {
	s := serve(t, village(time.Now()))
	b := open(t, s, false)
	b.login(s)
	b.until(`document.querySelectorAll('.wrong li').length === 3`)
	b.until(`document.querySelectorAll('.plot .line').length >= 3`)
	b.until(`document.querySelectorAll('.events li').length >= 7`)
	text := b.text(`document.querySelector('main').innerText`)
	for _, want := range []string{"ended with exit code 78; it was started 14 times", "garboard logs --previous mail-5f6d9-w4nzt -n shop", "and 1 other like it",
		"96Gi of memory", "kube-apiserver", "Deployment", "Processor", "garboard status"} {
		if !strings.Contains(text, want) {
			t.Errorf("the overview does not say %q", want)
		}
	}
	if address := b.text(`location.href`); strings.Contains(address, "code=") {
		t.Errorf("the one-time code stays in the address: %s", address)
	}
	wellFilled()
	b.picture("overview-light")
	b.clean()
}

func TestDarkAndToggle(t *testing.T) {
	s := serve(t, village(time.Now()))
	b := open(t, s, true)
	b.login(s)
	b.until(`document.documentElement.dataset.theme === 'dark'`)
	b.until(`document.querySelectorAll('.wrong li').length === 3`)
	wellFilled()
	b.picture("overview-dark")
	b.keys("t")
	b.until(`document.documentElement.dataset.theme === 'light'`)
	b.do("load anew", chromedp.Reload())
	b.until(`document.documentElement.dataset.theme === 'light'`)
	b.until(`document.querySelector('.side .link.live') !== null`)
	b.clean()
}

func TestKeyboard(t *testing.T) {
	s := serve(t, village(time.Now()))
	b := open(t, s, false)
	b.login(s)
	b.keys("gw")
	b.until(`location.pathname === '/workloads' && document.querySelectorAll('.grid .row').length === 9`)
	b.picture("workloads-light")
	b.keys("/")
	b.until(`document.activeElement.type === 'search'`)
	b.keys("ns:shop mail")
	if got := b.text(`document.activeElement.value`); got != "ns:shop mail" {
		t.Fatalf("the filter has %q", got)
	}
	b.until(`document.querySelectorAll('.grid .row').length === 1`)
	b.keys(kb.Enter)
	b.until(`document.activeElement.getAttribute('role') === 'grid'`)
	b.keys(kb.Enter)
	b.until(`document.querySelector('.drawer .trouble') !== null`)
	b.until(`document.querySelector('.drawer').innerText.includes('BackOff')`)
	b.picture("drawer-light")
	b.do("the log", chromedp.Click(`.drawer [role=tab]:nth-child(2)`))
	b.until(`document.querySelector('.drawer .log').innerText.includes('fake logs')`)
	b.do("the YAML", chromedp.Click(`.drawer [role=tab]:nth-child(3)`))
	b.until(`document.querySelector('.drawer .yaml').innerText.includes('kind: Pod')`)
	b.keys(kb.Escape)
	b.until(`document.querySelector('.drawer') === null`)
	b.keys("gc")
	b.until(`document.querySelectorAll('.components tbody tr').length === 10`)
	b.picture("components-light")
	b.keys("?")
	b.until(`document.querySelector('dialog.help[open]') !== null`)
	b.picture("help-light")
	b.keys(kb.Escape)
	b.until(`document.querySelector('dialog') === null`)
	b.do("Ctrl K", chromedp.KeyEvent("k", chromedp.KeyModifiers(kb.ModifierCtrl)))
	b.until(`document.querySelector('dialog.palette[open]') !== null`)
	b.keys("maria")
	b.until(`document.querySelector('.palette li').innerText.includes('mariadb')`)
	b.picture("palette-light")
	b.keys(kb.Enter)
	b.until(`document.querySelector('.drawer h2')?.innerText.includes('mariadb')`)
	b.clean()
}

func TestNarrowWindow(t *testing.T) {
	s := serve(t, village(time.Now()))
	b := open(t, s, false)
	b.do("size", chromedp.EmulateViewport(390, 844))
	b.login(s)
	b.until(`document.querySelectorAll('.wrong li').length === 3`)
	for _, page := range []string{"/overview", "/workloads", "/components"} {
		b.do("open "+page, chromedp.Navigate(s.address+page))
		b.until(`document.querySelector('.side .link.live') !== null && document.querySelector('.page') !== null`)
		if wide := run(b, "measure", chromedp.Evaluate[int](`document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth`)); wide > 0 {
			t.Errorf("%s is %d pixels too wide for a telephone", page, wide)
		}
		b.picture("narrow" + strings.ReplaceAll(page, "/", "-"))
	}
	b.clean()
}

func TestLoginAndLogout(t *testing.T) {
	s := serve(t, nil)
	b := open(t, s, false)
	b.do("open", chromedp.Navigate(s.address+"/"))
	b.until(`document.querySelector('.login form') !== null`)
	b.picture("login-light")
	b.do("a link of another console", chromedp.Navigate(s.address+"/login#code=AAAA"))
	b.until(`document.querySelector('.login .trouble')?.innerText.includes('garboard console')`)
	b.picture("login-refused-light")
	b.mu.Lock()
	b.troubles = nil // the refusal shows as an error of the network
	b.mu.Unlock()
	b.do("leave", chromedp.Navigate("about:blank"))
	b.login(s)
	b.until(`document.querySelector('.panel.well h2')?.innerText === 'Nothing is wrong'`)
	b.picture("empty-light")
	b.do("log out", chromedp.Click(`[aria-label="Log out"]`))
	b.until(`document.querySelector('.login .why')?.innerText === 'You have logged out.'`)
	b.do("load anew", chromedp.Reload())
	b.until(`document.querySelector('.login form') !== null`)
	b.clean()
}
