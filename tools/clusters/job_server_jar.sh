#!/usr/bin/env bash
# job_server_jar.sh spark|flink: print the path of Beam's job server jar for that engine, built by Maven on first use
# (a minute or three; 100 MB) and kept under ~/.cache/bertdata, by the pom's digest: another pom, another jar.
set -euo pipefail
engine=$1
here=$(cd "$(dirname "$0")" && pwd)
cache=${BERTDATA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bertdata}
jar=$cache/beam-$engine-job-server-$(sha256sum "$here/pom.xml" | cut -c1-12).jar
if [ ! -s "$jar" ]; then
    for tool in java mvn; do
        command -v "$tool" >/dev/null || { echo "The job server's jar is built by Maven: install $tool (Debian: openjdk-17-jdk-headless, maven)." >&2; exit 3; }
    done
    mkdir -p "$cache"
    build=$(mktemp -d "$cache/build-XXXXXX")
    trap 'rm -rf "$build"' EXIT
    echo "Building $jar …" >&2
    if ! timeout 900 mvn -q -B -f "$here/pom.xml" -P "$engine" -Dfolder="$build" package >"$build/log" 2>&1; then
        tail -20 "$build/log" >&2
        echo "Maven could not build the job server's jar." >&2
        exit 1
    fi
    mv "$build/target/job-server.jar" "$jar"
fi
echo "$jar"
