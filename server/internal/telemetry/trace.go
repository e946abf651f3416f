package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// serviceName and sampled are what OTEL_SERVICE_NAME and OTEL_TRACES_SAMPLER say otherwise.
	serviceName = "loop-gateway"
	sampled     = 0.01
	// flushLimit bounds how long the end of the server waits for what was not sent yet.
	flushLimit = 5 * time.Second
)

// Exported sends traces and metrics by OTLP, as the standard environment variables of OpenTelemetry say. A nil one does nothing.
type Exported struct {
	spans *Spans
	ends  []func(context.Context) error
}

// Export begins to send what the environment asks for: traces, metrics of the registry, both, or nothing. log receives what
// cannot be sent.
func Export(ctx context.Context, registry prometheus.Gatherer, version string, log *slog.Logger) (*Exported, error) {
	traces, metrics := wanted("TRACES"), wanted("METRICS")
	if !traces && !metrics {
		return nil, nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces or metrics could not be sent", "error", err.Error())
	}))
	otel.SetLogger(complaints(log))
	named := resource.WithAttributes(attribute.String("service.name", serviceName), attribute.String("service.version", version))
	// The last one decides.
	about, err := resource.New(ctx, named, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("the environment variables of OpenTelemetry: %w", err)
	}
	e := &Exported{}
	if traces {
		exporter, err := traceExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("the environment variables of OpenTelemetry: %w", err)
		}
		sends := sdktrace.NewBatchSpanProcessor(exporter)
		options := []sdktrace.TracerProviderOption{sdktrace.WithSpanProcessor(sends), sdktrace.WithResource(about)}
		if os.Getenv("OTEL_TRACES_SAMPLER") == "" { // else the SDK heeds it
			options = append(options, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(sampled))))
		}
		provider := sdktrace.NewTracerProvider(options...)
		linked := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(sends), sdktrace.WithResource(about),
			sdktrace.WithSampler(sdktrace.AlwaysSample()))
		e.spans = NewSpans(provider.Tracer(serviceName), linked.Tracer(serviceName))
		e.ends = append(e.ends, provider.Shutdown)
	}
	if metrics {
		exporter, err := metricExporter(ctx)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the environment variables of OpenTelemetry: %w", err), e.Close())
		}
		ours := sdkmetric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(registry)))
		provider := sdkmetric.NewMeterProvider(sdkmetric.WithResource(about), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter, ours)))
		e.ends = append(e.ends, provider.Shutdown)
	}
	return e, nil
}

// complaints passes on what OpenTelemetry's libraries complain of, and not what they quote with it: of a header that cannot be read
// that is a credential. By themselves they would write both beside the log.
func complaints(log *slog.Logger) logr.Logger {
	return funcr.New(func(_, of string) { log.Warn("traces or metrics could not be sent", "error", "OpenTelemetry: "+of) }, funcr.Options{
		RenderBuiltinsHook: func(fields []any) []any {
			at := slices.Index(fields, any("msg"))
			return fields[at : at+2]
		},
		RenderArgsHook: func([]any) []any { return nil },
	})
}

// Close sends what was not sent yet, within a bound.
func (e *Exported) Close() error {
	if e == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushLimit)
	defer cancel()
	var problems []error
	for _, end := range e.ends {
		problems = append(problems, end(ctx))
	}
	return errors.Join(problems...)
}

// Spans makes those that are sent; nil where no traces are wanted.
func (e *Exported) Spans() *Spans {
	if e == nil {
		return nil
	}
	return e.spans
}

// wanted says whether the environment asks for a signal: an address of its own or of all, or OTLP by name.
func wanted(signal string) bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	switch os.Getenv("OTEL_" + signal + "_EXPORTER") {
	case "none":
		return false
	case "otlp":
		return true
	}
	return cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")) != ""
}

func overGRPC(signal string) (bool, error) {
	protocol := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf")
	switch protocol {
	case "grpc":
		return true, nil
	case "http/protobuf":
		return false, nil
	default:
		return false, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is neither grpc nor http/protobuf")
	}
}

func traceExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	grpc, err := overGRPC("TRACES")
	switch {
	case err != nil:
		return nil, err
	case grpc:
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

func metricExporter(ctx context.Context) (sdkmetric.Exporter, error) {
	grpc, err := overGRPC("METRICS")
	switch {
	case err != nil:
		return nil, err
	case grpc:
		return otlpmetricgrpc.New(ctx)
	}
	return otlpmetrichttp.New(ctx)
}
