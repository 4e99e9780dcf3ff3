// A TFLite external delegate that behaves as a file tells it to, for the tests of the ladder.
//
// It takes over every FULLY_CONNECTED node of float32 tensors and computes it itself, as hardware
// would. Option `control` names a file; its first letter says how the hardware does:
//   w works, h hangs, c crashes, e fails, x answers nonsense; without the file there is no device.
// Letters with a capital mean the same while the delegate is being created.
//
// The layouts are those of TensorFlow 2.14: tensorflow/lite/core/c/common.h.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum { kTfLiteOk = 0, kTfLiteError = 1 } TfLiteStatus;
typedef struct { int size; int data[]; } TfLiteIntArray;

typedef struct {
  int type;  // 1: float32
  float* data;
  TfLiteIntArray* dims;
  struct { float scale; int32_t zero_point; } params;
  int allocation_type;
  size_t bytes;
  const void* allocation;
  const char* name;
  struct TfLiteDelegate* delegate;
  int buffer_handle;
  _Bool data_is_stale;
  _Bool is_variable;
  struct { int type; void* params; } quantization;
  void* sparsity;
  const TfLiteIntArray* dims_signature;
} TfLiteTensor;

typedef struct {
  TfLiteIntArray* inputs;
  TfLiteIntArray* outputs;
  TfLiteIntArray* intermediates;
  TfLiteIntArray* temporaries;
  void* user_data;
  void* builtin_data;
  const void* custom_initial_data;
  int custom_initial_data_size;
  struct TfLiteDelegate* delegate;
  _Bool might_have_side_effect;
} TfLiteNode;

struct TfLiteContext;
struct TfLiteDelegate;

typedef struct {
  void* (*init)(struct TfLiteContext*, const char*, size_t);
  void (*free)(struct TfLiteContext*, void*);
  TfLiteStatus (*prepare)(struct TfLiteContext*, TfLiteNode*);
  TfLiteStatus (*invoke)(struct TfLiteContext*, TfLiteNode*);
  const char* (*profiling_string)(const struct TfLiteContext*, const TfLiteNode*);
  int32_t builtin_code;
  const char* custom_name;
  int version;
  void* registration_external;
  void* async_kernel;
  uint64_t inplace_operator;
} TfLiteRegistration;

typedef struct TfLiteContext {
  size_t tensors_size;
  TfLiteStatus (*GetExecutionPlan)(struct TfLiteContext*, TfLiteIntArray**);
  TfLiteTensor* tensors;
  void* impl_;
  void* ResizeTensor;
  void (*ReportError)(struct TfLiteContext*, const char*, ...);
  void* AddTensors;
  TfLiteStatus (*GetNodeAndRegistration)(struct TfLiteContext*, int, TfLiteNode**,
                                         TfLiteRegistration**);
  TfLiteStatus (*ReplaceNodeSubsetsWithDelegateKernels)(struct TfLiteContext*, TfLiteRegistration,
                                                        const TfLiteIntArray*,
                                                        struct TfLiteDelegate*);
} TfLiteContext;

typedef struct TfLiteDelegate {
  void* data_;
  TfLiteStatus (*Prepare)(TfLiteContext*, struct TfLiteDelegate*);
  void* CopyFromBufferHandle;
  void* CopyToBufferHandle;
  void* FreeBufferHandle;
  int64_t flags;
  void* opaque_delegate_builder;
} TfLiteDelegate;

typedef struct {  // tensorflow/lite/core/c/common.h, TfLiteDelegateParams
  TfLiteDelegate* delegate;
  TfLiteIntArray* nodes_to_replace;
  TfLiteIntArray* input_tensors;
  TfLiteIntArray* output_tensors;
} TfLiteDelegateParams;

typedef struct { int input, weights, bias, output; } Layer;

enum { kFullyConnected = 9, kMaxNodes = 64 };
static char control_path[4096];

static char behaviour(void) {
  FILE* file = fopen(control_path, "r");
  if (!file) return 0;
  int letter = fgetc(file);
  fclose(file);
  return letter == EOF ? 0 : (char)letter;
}

static void hang(void) { for (;;) pause(); }

static void* init(TfLiteContext* context, const char* buffer, size_t length) {
  (void)length;
  const TfLiteDelegateParams* params = (const TfLiteDelegateParams*)buffer;
  Layer* layer = malloc(sizeof *layer);
  TfLiteNode* node;
  TfLiteRegistration* registration;
  if (params->nodes_to_replace->size != 1) abort();
  context->GetNodeAndRegistration(context, params->nodes_to_replace->data[0], &node, &registration);
  layer->input = node->inputs->data[0];
  layer->weights = node->inputs->data[1];
  layer->bias = node->inputs->size > 2 ? node->inputs->data[2] : -1;
  layer->output = node->outputs->data[0];
  return layer;
}

static void discard(TfLiteContext* context, void* buffer) { (void)context; free(buffer); }
static TfLiteStatus ready(TfLiteContext* c, TfLiteNode* n) { (void)c; (void)n; return kTfLiteOk; }

static TfLiteStatus invoke(TfLiteContext* context, TfLiteNode* node) {
  const char how = behaviour();
  if (how == 'h') hang();
  if (how == 'c') abort();
  if (how == 'e' || how == 0) {
    context->ReportError(context, "stand-in: transfer failed");
    return kTfLiteError;
  }
  const Layer* layer = node->user_data;
  const TfLiteTensor *in = &context->tensors[layer->input],
                     *weights = &context->tensors[layer->weights];
  const float* bias = layer->bias < 0 ? NULL : context->tensors[layer->bias].data;
  float* out = context->tensors[layer->output].data;
  const int rows = weights->dims->data[0], columns = weights->dims->data[1];
  for (int row = 0; row < rows; ++row) {
    float sum = bias ? bias[row] : 0.0f;
    for (int column = 0; column < columns; ++column)
      sum += in->data[column] * weights->data[row * columns + column];
    out[row] = how == 'x' ? (float)(row % 7) - 3.0f : sum;
  }
  return kTfLiteOk;
}

static TfLiteStatus prepare(TfLiteContext* context, TfLiteDelegate* delegate) {
  TfLiteIntArray* plan;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk) return kTfLiteError;
  TfLiteIntArray* taken = calloc(1, sizeof *taken + kMaxNodes * sizeof(int));
  for (int i = 0; i < plan->size; ++i) {
    TfLiteNode* node;
    TfLiteRegistration* registration;
    context->GetNodeAndRegistration(context, plan->data[i], &node, &registration);
    if (registration->builtin_code == kFullyConnected && taken->size < kMaxNodes &&
        context->tensors[node->inputs->data[0]].type == 1 &&
        context->tensors[node->inputs->data[1]].type == 1)
      taken->data[taken->size++] = plan->data[i];
  }
  TfLiteRegistration kernel = {.init = init, .free = discard, .prepare = ready, .invoke = invoke,
                               .custom_name = "StandIn", .version = 1};
  TfLiteStatus status =
      context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, taken, delegate);
  free(taken);
  return status;
}

TfLiteDelegate* tflite_plugin_create_delegate(char** keys, char** values, size_t count,
                                              void (*report)(const char*)) {
  for (size_t i = 0; i < count; ++i)
    if (!strcmp(keys[i], "control")) snprintf(control_path, sizeof control_path, "%s", values[i]);
  switch (behaviour()) {
    case 0: report("stand-in: no device"); return NULL;
    case 'H': hang(); break;
    case 'C': abort();
  }
  TfLiteDelegate* delegate = calloc(1, sizeof *delegate);
  delegate->Prepare = prepare;
  return delegate;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) { free(delegate); }
