// What others make of a resource's status: kstatus (Flux, Helm, kpt) by its own library, and Argo CD by its own Lua with
// the health script that ships with the project. Reads an object as JSON a line, writes a verdict as JSON a line. Called by
// test/cluster/health.ts; it must never judge anything itself.
//
// Usage: health path/to/health.lua <objects >verdicts
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type verdict struct {
	Kstatus health `json:"kstatus"`
	Argo    health `json:"argo"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: health path/to/health.lua <objects >verdicts")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	lines := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 {
			return nil
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(line); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		judged, judgeErr := judge(object, string(script))
		if judgeErr != nil {
			return fmt.Errorf("line %d: %w", number, judgeErr)
		}
		if err := out.Encode(judged); err != nil {
			return err
		}
		if err != nil {
			return nil
		}
	}
}

func judge(object *unstructured.Unstructured, script string) (*verdict, error) {
	computed, err := status.Compute(object)
	if err != nil {
		return nil, err
	}
	argo, err := argoHealth(object, script)
	if err != nil {
		return nil, err
	}
	return &verdict{Kstatus: health{Status: computed.Status.String(), Message: computed.Message}, Argo: *argo}, nil
}

// Scripts of a user get no more than these, and one second: see runLua in Argo CD's util/lua/lua.go. Its `os` has the
// clock only, and is left out here, so that the script does without.
var libraries = []struct {
	name string
	open lua.LGFunction
}{
	{lua.LoadLibName, lua.OpenPackage},
	{lua.BaseLibName, lua.OpenBase},
	{lua.TabLibName, lua.OpenTable},
}

// Argo CD asks no script about what is being deleted (GetResourceHealth in gitops-engine/pkg/health).
func argoHealth(object *unstructured.Unstructured, script string) (*health, error) {
	if object.GetDeletionTimestamp() != nil {
		return &health{Status: "Progressing", Message: "Pending deletion"}, nil
	}
	return runHealthScript(object, script)
}

func runHealthScript(object *unstructured.Unstructured, script string) (*health, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	limited, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limited)
	state.SetGlobal("obj", toLua(state, object.Object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("the script returned a %s, not a table", state.Get(-1).Type())
	}
	result := &health{}
	var problem error
	table.ForEach(func(key, value lua.LValue) {
		text, isText := value.(lua.LString)
		switch {
		case key.String() == "status" && isText:
			result.Status = string(text)
		case key.String() == "message" && isText:
			result.Message = string(text)
		default:
			problem = fmt.Errorf("the script returned %s = %s", key, value)
		}
	})
	return result, problem
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case string:
		return lua.LString(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case []any:
		list := state.CreateTable(len(value), 0)
		for _, item := range value {
			list.Append(toLua(state, item))
		}
		return list
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
