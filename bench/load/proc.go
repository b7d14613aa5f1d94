package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// result is what a scenario found, by name. The unit is part of the name.
type result map[string]float64

// cpuTime is what the process has used so far, all threads, user and system: the sum of utime and stime in /proc/PID/stat,
// but in nanoseconds instead of 10 ms ticks. Process id 0 means that nobody wants to know.
func cpuTime(pid int) (time.Duration, error) {
	if pid == 0 {
		return 0, nil
	}
	const sched = 2 // the clock that the scheduler counts, of a whole process: see clock_getcpuclockid(3)
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &ts); err != nil {
		return 0, fmt.Errorf("cpu time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// serversTime is what all servers have used.
func (o options) serversTime() (sum time.Duration, err error) {
	for _, pid := range o.pids {
		t, err := cpuTime(pid)
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, nil
}

// measure runs f, which returns how many units of work it did.
func measure(o options, unit string, f func() (int, error)) (result, error) {
	cpu0, err := o.serversTime()
	if err != nil {
		return nil, err
	}
	beside0, _ := cpuTime(o.beside)
	database0 := familyTime(o.database)
	own0, _ := cpuTime(os.Getpid())
	all0, _ := machineTime()
	start := time.Now()
	n, err := f()
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	beside1, _ := cpuTime(o.beside)
	database1 := familyTime(o.database)
	cpu1, err := o.serversTime()
	if err != nil {
		return nil, err
	}
	own1, _ := cpuTime(os.Getpid())
	all1, _ := machineTime()
	others := (all1 - all0) - (cpu1 - cpu0) - (own1 - own0) - (beside1 - beside0) - (database1 - database0)
	r := result{
		unit:                    float64(n),
		"seconds":               took.Seconds(),
		unit + "_per_second":    float64(n) / took.Seconds(),
		"cpu_us":                float64(cpu1-cpu0) / 1e3 / float64(n),
		"server_cpu_of_wall":    float64(cpu1-cpu0) / float64(took),
		"generator_cpu_of_wall": float64(own1-own0) / float64(took),
		"others_cpu_of_wall":    max(0, float64(others)/float64(took)),
	}
	if o.beside != 0 {
		r["beside_cpu_us"] = float64(beside1-beside0) / 1e3 / float64(n)
		r["beside_cpu_of_wall"] = float64(beside1-beside0) / float64(took)
	}
	if o.database != 0 {
		r["database_cpu_us"] = float64(database1-database0) / 1e3 / float64(n)
	}
	return r, nil
}

// familyTime is what a process and its children have used, also those that have ended: PostgreSQL has a process for each connection.
func familyTime(pid int) (sum time.Duration) {
	if pid == 0 {
		return 0
	}
	sum, _ = cpuTime(pid)
	if fields := statOf(fmt.Sprintf("/proc/%d", pid)); len(fields) > 14 {
		const tick = 10 * time.Millisecond
		user, _ := strconv.Atoi(fields[13])
		system, _ := strconv.Atoi(fields[14])
		sum += time.Duration(user+system) * tick
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if fields := statOf(dir); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			t, _ := cpuTime(child)
			sum += t
		}
	}
	return sum
}

// statOf are the fields of a process's directory in /proc that follow its name, see proc(5); none if it has ended.
func statOf(dir string) []string {
	b, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name of a program may have spaces
	return strings.Fields(rest)
}

// machineTime is what all processes together, the kernel and the hypervisor's other guests ("steal") have used of the CPUs
// that this process may see. A measure during which others were busy is not worth much.
func machineTime() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	var user, nice, system, idle, iowait, irq, softirq, steal int64
	if _, err := fmt.Sscanf(string(b), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal); err != nil {
		return 0, fmt.Errorf("/proc/stat: %w", err)
	}
	const tick = 10 * time.Millisecond
	return time.Duration(user+nice+system+irq+softirq+steal) * tick, nil
}

// residentBytes is the resident size of a process.
func residentBytes(pid int) (int, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var kb int
		if strings.HasPrefix(s.Text(), "Rss:") {
			if _, err := fmt.Sscanf(s.Text(), "Rss: %d kB", &kb); err != nil {
				return 0, fmt.Errorf("%s: %w", f.Name(), err)
			}
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("%s has no Rss line", f.Name())
}
