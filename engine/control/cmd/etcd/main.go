// Command etcd is upstream's etcd server; its own main cannot be built from
// another module, since etcd's go.mod has replace directives.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
