package devcluster
import ("testing";"encoding/json";"fmt"
mesos "github.com/mesos/mesos-go/api/v1/lib"
"github.com/mesos/mesos-go/api/v1/lib/scheduler")
func TestX(t *testing.T){
 ms:=mesos.TASK_RUNNING; src:=mesos.SOURCE_EXECUTOR; ts:=1795341439.6398315
 ip:="127.0.0.1"; pr:=mesos.NetworkInfo_IPv4; pid:=uint32(5)
 e:=scheduler.Event{Type:scheduler.Event_UPDATE,Update:&scheduler.Event_Update{Status:mesos.TaskStatus{TaskID:mesos.TaskID{Value:"x"},State:&ms,Source:&src,Timestamp:&ts,UUID:[]byte("0123456789abcdef"),ContainerStatus:&mesos.ContainerStatus{ContainerID:&mesos.ContainerID{Value:"c"},ExecutorPID:&pid,NetworkInfos:[]mesos.NetworkInfo{{IPAddresses:[]mesos.NetworkInfo_IPAddress{{IPAddress:&ip,Protocol:&pr}}}}}}}}
 b,err:=json.Marshal(&e); fmt.Println(string(b),err)
 o:=scheduler.Event{Type:scheduler.Event_OFFERS,Offers:&scheduler.Event_Offers{Offers:[]mesos.Offer{{ID:mesos.OfferID{Value:"o"},URL:&mesos.URL{Scheme:"http",Address:mesos.Address{IP:&ip,Port:5},Path:&ip},Resources:[]mesos.Resource{{Name:"cpus",Type:mesos.SCALAR.Enum(),Scalar:&mesos.Value_Scalar{Value:4},Role:&ip}},Attributes:[]mesos.Attribute{{Name:"rack",Type:mesos.TEXT,Text:&mesos.Value_Text{Value:"r1"}}}}}}}
 b,err=json.Marshal(&o); fmt.Println(string(b),err)
 hb:=1.5
 s:=scheduler.Event{Type:scheduler.Event_SUBSCRIBED,Subscribed:&scheduler.Event_Subscribed{FrameworkID:&mesos.FrameworkID{Value:"f"},HeartbeatIntervalSeconds:&hb,MasterInfo:&mesos.MasterInfo{ID:"m",Capabilities:[]mesos.MasterInfo_Capability{{Type:mesos.MasterInfo_Capability_AGENT_UPDATE}}}}}
 b,err=json.Marshal(&s); fmt.Println(string(b),err)
 b,err=json.Marshal(&scheduler.Event{Type:scheduler.Event_HEARTBEAT}); fmt.Println(string(b),err)
 for _,j:=range []string{`{"type":"FLY","framework_id":{"value":"x"}}`,`{not json`,`{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"x","failover_timeout":3600,"zork":1}}}`,`{"type":"KILL","kill":{"task_id":{"value":"x"},"kill_policy":{"grace_period":{"nanoseconds":5}}}}`,`{"type":"ACKNOWLEDGE","acknowledge":{"task_id":{"value":"x"},"uuid":"LnjEMbrfSPCnuY2H3Jt6zQ=="}}`,`{"type":"ACCEPT","accept":{"offer_ids":[{"value":"a"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"x","task_id":{"value":"t"},"data":"aGVsbG8=","max_completion_time":{"nanoseconds":5},"health_check":{"type":"HTTP","http":{"port":1},"interval_seconds":0.5}, "limits":{"cpus":{"value":1}}}]}}]}}`}{
  var c scheduler.Call
  err:=json.Unmarshal([]byte(j),&c); fmt.Printf("%v %.300v\n",err,c.String())
 }
 var d mesos.DrainInfo
 _ = d
}
