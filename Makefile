# `make run` shows it, `make test` proves it; both install what they need first (Debian 12, Ubuntu 24.04).
SHELL := /bin/bash
.DEFAULT_GOAL := help

RUNTIME := $(CURDIR)/.runtime
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH):/usr/sbin
export OCELLUS_RUNTIME_LIB ?= $(RUNTIME)/libLiteRt.so
export TFLITEC_PREBUILT_PATH ?= $(RUNTIME)/tflitec/lib/libtensorflowlite_c.so
export TFLITEC_HEADER_DIR ?= $(RUNTIME)/tflitec/include

# A toolchain that the set-up installed because the machine's own was missing or too old. Read when a recipe
# runs, not before: the set-up may just have made it.
cargo = env $$([ ! -f .runtime/toolchain ] || echo RUSTUP_TOOLCHAIN=$$(cat .runtime/toolchain)) cargo
# cargo-nextest (a process for each test, a limit for one that hangs) where it is installed, else cargo's own runner.
runner = $$($(cargo) nextest --version >/dev/null 2>&1 && echo "nextest run" || echo "test")

# Most tests wait for something: see .config/nextest.toml.
export NEXTEST_TEST_THREADS ?= $(shell echo $$((4 * $$(nproc))))

export OCELLUS_SKIPPED := $(CURDIR)/target/skipped-tests

CONFIG ?= config/ocellus.toml
TARGET ?= aarch64-unknown-linux-gnu

# Of packages: the architecture by Debian's name, the profile of the program, and what `make dist` makes.
NATIVE := $(shell dpkg --print-architecture 2>/dev/null)
ARCH ?= $(NATIVE)
ARCHS ?= amd64 arm64
PROFILE ?= release

.PHONY: help setup data build run cross install program deb container image third-party dist reproducible ci test test-main \
	test-domain test-tflitec test-deb test-container test-box test-image test-cross test-deploy loom lint lint-cross lint-yocto \
	docs bench peers
.NOTPARALLEL:

help: ## this list
	@echo "make run     install what is missing, build, start a local broker and the service on the demo profile"
	@echo "make test    the same set-up, then every test"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup: ## system packages, Rust, the inference runtimes; quick when nothing is missing
	@scripts/setup/system.sh
	@scripts/setup/rust.sh
	@scripts/setup/litert.sh
	@scripts/setup/tflitec.sh

data: ## test data that the repository does not hold, by URL and SHA-256, into tests/data (tests/data/README.md)
	@scripts/data.sh

build: setup ## the release binary
	@$(cargo) build --release --locked --bins

# PROFILE=dev builds faster, for trying something on a box.
cross: ## the binary for another architecture, without containers: make cross TARGET=aarch64-unknown-linux-gnu
	@cross/cargo.sh $(TARGET) build --profile $(PROFILE) --locked --bin ocellus

test-cross: ## the kernels, LiteRT and the demo of the cross build, under qemu-user
	@cross/test.sh $(TARGET)

lint-cross: ## clippy for another architecture
	@cross/cargo.sh $(TARGET) clippy --locked --workspace --lib --bins -- -D warnings

# The demo's build is enough: what is tested is the way, not the program.
test-deploy: setup ## scripts/deploy.sh against a booted Debian (systemd-nspawn) over ssh; needs root
	@scripts/setup/system.sh mmdebstrap systemd-container openssh-client
	@$(cargo) build --locked --bin ocellus
	@packaging/test/deploy.sh

# The build of the tests, not the release: `make run` and `make test` share one build of the dependencies.
run: setup ## the demo (CONFIG=FILE for another profile: config/inspection.toml, config/attendance.toml, config/lab.toml; VERBOSE=1 shows events)
	@$(cargo) build --locked --bin ocellus
	@scripts/run.sh $(CONFIG)

install: ## what was built, below DESTDIR and PREFIX (/usr/local); run `make build` before, as yourself
	@DESTDIR="$(DESTDIR)" PREFIX="$(or $(PREFIX),/usr/local)" packaging/install.sh

# A given program (OCELLUS=FILE) is packaged as it is. PROFILE=dev packages that of `make run`, for tests of the packaging.
program: setup
	@[ -n "$$OCELLUS" ] || case $(ARCH)/$(PROFILE) in \
		$(NATIVE)/dev) $(cargo) build --locked --bin ocellus;; \
		$(NATIVE)/*) $(cargo) build --release --locked --bins;; \
		*) $(MAKE) --no-print-directory cross;; esac

deb: program ## a Debian package and its debug symbols: target/deb (ARCH=arm64: of a cross-built program)
	@ARCH=$(ARCH) PROFILE=$(PROFILE) packaging/deb.sh

image: ## a disk image with two systems, and an update bundle: target/image (docs/image.md)
	@[ $(ARCH) = amd64 ] || { echo "image: only amd64 is made here; for boards with ARM there is yocto/"; exit 2; }
	@scripts/setup/system.sh mmdebstrap mtools fdisk e2fsprogs squashfs-tools rauc grub-common grub-pc-bin grub-efi-amd64-bin fakeroot kmod cpio zstd xz-utils openssl python3
	@[ -n "$$DEB" ] || $(MAKE) --no-print-directory deb
	@packaging/image/build.sh

test-image: deb ## the image in QEMU without KVM: provisioning, refused bundles, update, rollback; by hand, needs root
	@scripts/setup/system.sh mmdebstrap mtools fdisk e2fsprogs squashfs-tools rauc grub-common grub-pc-bin grub-efi-amd64-bin kmod cpio zstd openssl python3
	@packaging/image/test.sh

test-box: ## the logic of updates without a virtual machine: GRUB's interpreter, real bundles; about a minute, needs root
	@scripts/setup/system.sh mtools rauc squashfs-tools grub-emu openssl
	@packaging/box/test.sh

test-deb: deb ## the package in a booted Debian (systemd-nspawn): watchdog, upgrade, purge; needs root (PROFILE=dev: quicker)
	@scripts/setup/system.sh mmdebstrap systemd-container xz-utils
	@PROFILE=$(PROFILE) OUT=target/deb packaging/tarball.sh
	@packaging/test/nspawn.sh

container: deb ## a container image of the package, ocellus:VERSION, by buildah or docker (BASE=, EXTRA=: packaging/container)
	@packaging/container/build.sh

test-container: deb ## the image, built and run by podman here: healthy, publishes, ends cleanly; needs root
	@scripts/setup/system.sh podman buildah runc mmdebstrap mosquitto mosquitto-clients
	@packaging/test/container.sh

third-party: ## what is linked into the program, with licences: target/THIRD-PARTY.txt (packages hold it)
	@packaging/third_party.py --target "$$(rustc -vV | sed -n 's/^host: //p')"

dist: setup ## a release: packages, tarballs, debug symbols, SBOMs, checksums: target/dist (ARCHS="amd64 arm64")
	@scripts/setup/dist-tools.sh
	@ARCHS="$(ARCHS)" PROFILE=$(PROFILE) packaging/dist.sh

reproducible: setup ## builds the last commit in two folders and compares the packages byte by byte (ARCHS, PROFILE)
	@scripts/setup/dist-tools.sh
	@ARCHS="$(ARCHS)" PROFILE=$(PROFILE) packaging/reproducible.sh

test: test-main test-tflitec loom ## every test

# Documentation examples first: nextest does not run them, and the runner's own summary should come last.
# What a test lacks it writes into the file OCELLUS_SKIPPED; with CI=true it fails instead.
test-main: setup ## unit and integration tests
	@[ -n "$$OCELLUS_DATA" ] || [ -d ../shared/data ] || scripts/data.sh || true
	@[ -n "$$OCELLUS_PYZMQ" ] || scripts/setup/wheels.sh pyzmq || true
	@mkdir -p target && rm -f $(OCELLUS_SKIPPED)
	@$(cargo) test --locked --doc
	@$(cargo) $(runner) --locked --lib --bins --examples --tests; code=$$?; \
		[ ! -s $(OCELLUS_SKIPPED) ] || { sort $(OCELLUS_SKIPPED); echo "$$(wc -l <$(OCELLUS_SKIPPED)) tests showed nothing here"; }; exit $$code

# A crate's tests, or the unit and integration tests whose path has the folder's name in it; `make setup` once before.
test-domain: ## the tests of one domain or crate: make test-domain D=inspection
	@[ -n "$(D)" ] || { echo "D=NAME is missing, one of:" $$(ls crates tests/it | grep -v : | sed 's/\.rs$$//' | sort -u); exit 2; }
	@[ ! -d crates/$(D) ] || $(cargo) $(runner) --locked --package ocellus-$(D)
	@[ -d crates/$(D) -a ! -e tests/it/$(D) ] || $(cargo) $(runner) --locked --package ocellus --lib --test it $(D)::

# The whole workspace, so that its dependencies have the features of the build before and are not compiled again.
test-tflitec: setup ## the engine's tests with the linked TensorFlow Lite
	@$(cargo) $(runner) --locked --workspace --features ocellus-engine/tflitec --test engine

# In half an hour instead of forty minutes: see the script.
ci: setup ## what lint, docs and test do, side by side
	@scripts/ci.sh

loom: setup ## every interleaving of the ring's small cases
	@RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom $(cargo) test --release --locked --package ocellus-ring --test ring

lint: setup ## formatting, clippy, documentation, licences and advisories (where cargo-deny is installed)
	@$(cargo) fmt --check
	@$(cargo) clippy --locked --all-targets --all-features -- -D warnings
	@$(cargo) clippy --locked --no-default-features --features litert --lib --bins -- -D warnings
	@RUSTDOCFLAGS="-D warnings" $(cargo) doc --locked --no-deps --document-private-items
	@CARGO="$(cargo)" scripts/deny.sh
	@$(MAKE) --no-print-directory lint-yocto

lint-yocto: ## the Yocto layer: crates of Cargo.lock, style guide, kas files; what needs oe-core is yocto/verify.sh
	@scripts/setup/wheels.sh oelint
	@yocto/lint.sh
	@yocto/test-tryboot.sh

# mdBook only prints its warnings; here they are failures.
docs: ## the documentation as a book: target/book/index.html
	@scripts/setup/system.sh
	@scripts/setup/mdbook.sh
	@out=$$(.runtime/mdbook/bin/mdbook build docs 2>&1); code=$$?; echo "$$out"; [ $$code = 0 ] && ! grep -qE 'WARN|ERROR' <<<"$$out"

bench: build target/bench/720p.mp4 ## the benches behind the figures in docs/figures.md
	@$(cargo) bench --locked

peers: build target/bench/720p.mp4 ## Ocellus and a Python peer in turn on the same work
	@benches/peers/run.sh

target/bench/720p.mp4: scripts/make_720p.sh
	@scripts/make_720p.sh $@
