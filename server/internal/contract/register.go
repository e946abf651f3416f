package contract

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// binding registers a service: over gRPC with its handler, over REST with a client of that.
type binding struct {
	grpc *grpc.ServiceDesc
	rest func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error
}

func bind[C any](
	desc *grpc.ServiceDesc, rest func(context.Context, *runtime.ServeMux, C) error, client func(grpc.ClientConnInterface) C,
) binding {
	return binding{desc, func(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface) error {
		return rest(ctx, mux, client(conn))
	}}
}

// bindings is the one table of the services.
func bindings() []binding {
	return []binding{
		bind(&looppb.ReferenceDataService_ServiceDesc, looppb.RegisterReferenceDataServiceHandlerClient, looppb.NewReferenceDataServiceClient),
		bind(&looppb.DiagnosticsService_ServiceDesc, looppb.RegisterDiagnosticsServiceHandlerClient, looppb.NewDiagnosticsServiceClient),
		bind(&looppb.ImportService_ServiceDesc, looppb.RegisterImportServiceHandlerClient, looppb.NewImportServiceClient),
		bind(&looppb.EntryService_ServiceDesc, looppb.RegisterEntryServiceHandlerClient, looppb.NewEntryServiceClient),
		bind(&looppb.PracticeService_ServiceDesc, looppb.RegisterPracticeServiceHandlerClient, looppb.NewPracticeServiceClient),
		bind(&looppb.ChangeFeedService_ServiceDesc, looppb.RegisterChangeFeedServiceHandlerClient, looppb.NewChangeFeedServiceClient),
		bind(&looppb.DocumentService_ServiceDesc, looppb.RegisterDocumentServiceHandlerClient, looppb.NewDocumentServiceClient),
		bind(&looppb.EventService_ServiceDesc, looppb.RegisterEventServiceHandlerClient, looppb.NewEventServiceClient),
		bind(&looppb.RawService_ServiceDesc, looppb.RegisterRawServiceHandlerClient, looppb.NewRawServiceClient),
	}
}

// RegisterGRPC registers each service with the handler that implements it, of which there must be one.
func RegisterGRPC(registrar grpc.ServiceRegistrar, handlers ...any) {
	for _, binding := range bindings() {
		var of []any
		for _, handler := range handlers {
			if reflect.TypeOf(handler).Implements(reflect.TypeOf(binding.grpc.HandlerType).Elem()) {
				of = append(of, handler)
			}
		}
		if len(of) != 1 {
			panic(fmt.Sprintf("%d handlers implement %s", len(of), binding.grpc.ServiceName))
		}
		registrar.RegisterService(binding.grpc, of[0])
	}
}

// RegisterREST registers the routes of each service, to be answered over a connection.
func RegisterREST(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface) error {
	for _, binding := range slices.Backward(bindings()) { // grpc-gateway tries those first that were registered last
		if err := binding.rest(ctx, mux, conn); err != nil {
			return err
		}
	}
	return nil
}
