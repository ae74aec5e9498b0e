//! Accelerators: a delegate that is missing, that is none, and one that leaves the model to the CPU.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::examine::support::{KernelFiles, Report, SCENE};
use crate::support::broker::Broker;
use crate::support::complaint;
use crate::support::data::repository;
use crate::support::engine::classic_library;
use crate::support::fixture::Fixture;

/// A delegate in C++, whose headers today's TensorFlow Lite needs, as a board's BSP has one. It takes every operator, or none of them.
const DELEGATE: &str = r#"
#include <stdlib.h>
#include <string.h>
#include "tensorflow/lite/core/c/common.h"

static void* init(TfLiteContext* context, const char* buffer, size_t length) { return NULL; }
static void release(TfLiteContext* context, void* data) {}
static TfLiteStatus ready(TfLiteContext* context, TfLiteNode* node) { return kTfLiteOk; }

static TfLiteStatus prepare(TfLiteContext* context, TfLiteDelegate* delegate) {
#ifdef TAKES_ALL
  TfLiteIntArray* plan = NULL;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk) return kTfLiteError;
  TfLiteRegistration kernel;
  memset(&kernel, 0, sizeof kernel);
  kernel.init = init;
  kernel.free = release;
  kernel.prepare = ready;
  kernel.invoke = ready;
  kernel.custom_name = "test";
  kernel.version = 1;
  return context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, plan, delegate);
#else
  return kTfLiteOk;
#endif
}

extern "C" TfLiteDelegate* tflite_plugin_create_delegate(char** keys, char** values, size_t count, void (*report)(const char*)) {
  TfLiteDelegate* delegate = (TfLiteDelegate*)calloc(1, sizeof *delegate);
  delegate->Prepare = prepare;
  return delegate;
}

extern "C" void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) { free(delegate); }
"#;

/// Builds the delegate with `options`.
fn built(fixture: &Fixture, name: &str, options: &[&str]) -> PathBuf {
    let (source, library) = (fixture.path("delegate.cc"), fixture.path(name));
    fs::write(&source, DELEGATE).unwrap();
    let headers = std::env::var_os("TFLITEC_HEADER_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".runtime/tflitec/include"),
        PathBuf::from,
    );
    let status = Command::new("c++")
        .args(["-shared", "-fPIC", "-w", "-I"])
        .arg(headers)
        .args(options)
        .arg("-o")
        .arg(&library)
        .arg(&source)
        .status();
    assert!(status.expect("a C++ compiler, which the build needs too").success());
    library
}

/// The report of a box whose model has these lines.
fn report(fixture: &Fixture, runtime: &str, lines: &str) -> Report {
    let broker = Broker::start();
    let path = repository().join("tests/data/models/mobilenet_v1_0.25_128_quant.tflite");
    let head = format!("url = \"mqtt://127.0.0.1:{}\"", broker.port);
    let model = format!("[model.m]\npath = \"{}\"\ntask = \"classify\"\n{lines}\n\n{SCENE}", path.display());
    fixture.config_with(&head, "litert", &model);
    let text = fs::read_to_string(fixture.config_path()).unwrap();
    fs::write(
        fixture.config_path(),
        text.replace("kind = \"litert\"", &format!("kind = \"litert\"\n{runtime}")),
    )
    .unwrap();
    Report::of(fixture, &KernelFiles::healthy())
}

#[test]
fn a_delegate_that_is_not_there_is_named_with_the_place() {
    let report = report(&Fixture::new(), "", "delegate = \"/usr/lib/libabsent_delegate.so\"");
    let fault = report.assert_fault("config", &["model.m.delegate", "no such file", "libabsent_delegate.so"]);
    assert!(fault["remedy"].as_str().unwrap().contains("BSP"), "{fault}");
}

#[test]
fn a_model_that_fell_back_to_the_cpu_is_refused_with_what_the_delegate_took() {
    let Some(library) = classic_library() else { return };
    let fixture = Fixture::new();
    let runtime = format!("library = \"{}\"", library.display());
    let (idle, busy) = (built(&fixture, "idle.so", &[]), built(&fixture, "busy.so", &["-DTAKES_ALL"]));
    let lines = |delegate: &PathBuf| format!("delegate = \"{}\"\nmin_coverage = 0.9", delegate.display());
    let fallen = report(&fixture, &runtime, &lines(&idle));
    let fault = fallen.assert_fault(
        "models",
        &["fell back to the CPU", "took 0 of 31 operators (0 %)", "Conv2d (", "at least 90 % are demanded"],
    );
    assert!(fault["remedy"].as_str().unwrap().contains("convert the model for the accelerator"), "{fault}");
    let check = fixture.command(&["check"]);
    assert_eq!(check.status.code(), Some(3), "{check:?}");
    assert!(complaint(&check).contains("model.m.min_coverage"), "{check:?}");
    let taken = report(&fixture, &runtime, &lines(&busy));
    taken.assert_no_fault("models");
    let said = taken
        .of_check("models")
        .iter()
        .any(|one| one["cause"].as_str().unwrap().contains("31 of 31 operators"));
    assert!(said, "{:#}", taken.json);
    // A library that is no delegate, and a runtime that takes none.
    let none = report(&fixture, &runtime, &lines(&library));
    none.assert_fault("models", &["the delegate", "cannot be used", "libtensorflowlite_c.so"]);
    let other = report(&fixture, "", &lines(&busy));
    other.assert_fault("models", &["takes no external delegates"]);
}
